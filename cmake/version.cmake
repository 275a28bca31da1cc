# What `kube version` says. The commit is asked of git at build time, when there is a git.
set(KUBE_API_VERSION "v1.36.0")
find_package(Git QUIET)
set(KUBE_VERSION_HEADER ${CMAKE_BINARY_DIR}/generated/version_generated.h)
add_custom_target(kube_version
  BYPRODUCTS ${KUBE_VERSION_HEADER}
  COMMAND ${CMAKE_COMMAND} -DGIT=${GIT_EXECUTABLE} -DSOURCE=${CMAKE_SOURCE_DIR}
    -DVERSION=${PROJECT_VERSION} -DAPI_VERSION=${KUBE_API_VERSION} -DOUT=${KUBE_VERSION_HEADER}
    -P ${CMAKE_SOURCE_DIR}/cmake/write_version.cmake
  VERBATIM)
