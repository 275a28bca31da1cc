set(COMMIT "")
set(DATE "1970-01-01T00:00:00Z")
set(TREE "archive")
if(GIT)
  execute_process(COMMAND ${GIT} -C ${SOURCE} rev-parse HEAD
    OUTPUT_VARIABLE COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  execute_process(COMMAND ${CMAKE_COMMAND} -E env TZ=UTC
    ${GIT} -C ${SOURCE} log -1 --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd
    OUTPUT_VARIABLE DATE OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  execute_process(COMMAND ${GIT} -C ${SOURCE} status --porcelain
    OUTPUT_VARIABLE DIRTY OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(COMMIT STREQUAL "")
    set(TREE "archive")
  elseif(DIRTY STREQUAL "")
    set(TREE "clean")
  else()
    set(TREE "dirty")
  endif()
endif()
set(TEXT "#define KUBE_VERSION \"${VERSION}\"
#define KUBE_API_VERSION \"${API_VERSION}\"
#define KUBE_COMMIT \"${COMMIT}\"
#define KUBE_COMMIT_DATE \"${DATE}\"
#define KUBE_TREE_STATE \"${TREE}\"
")
file(CONFIGURE OUTPUT ${OUT} CONTENT "${TEXT}" @ONLY)
