# Compiler and linker flags for our own targets: the INTERFACE library kube_flags.
add_library(kube_flags INTERFACE)
target_include_directories(kube_flags INTERFACE ${CMAKE_SOURCE_DIR}/include)
target_compile_definitions(kube_flags INTERFACE _GNU_SOURCE)
target_compile_options(kube_flags INTERFACE
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror
  -fno-strict-aliasing -fno-common
  -fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=)

# snprintf cuts on purpose; gcc guesses differently at each optimisation level.
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  target_compile_options(kube_flags INTERFACE -Wno-format-truncation)
endif()

# assert stays on in releases: it guards our own mistakes.
set(CMAKE_C_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_C_FLAGS_DEBUG "-Og -g")

if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(kube_flags INTERFACE
    -ffunction-sections -fdata-sections -fstack-protector-strong -D_FORTIFY_SOURCE=2)
  target_link_options(kube_flags INTERFACE
    -Wl,--gc-sections -Wl,-z,relro,-z,now -Wl,-z,noexecstack)
  include(CheckIPOSupported)
  check_ipo_supported()
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
  # gcc's LTO would otherwise warn about code it merges from archives without LTO data.
  set(CMAKE_C_COMPILE_OPTIONS_IPO -flto=auto -fno-fat-lto-objects)
endif()

if(KUBE_STATIC)
  target_link_options(kube_flags INTERFACE -static-pie)
elseif(NOT KUBE_FUZZ)
  target_link_options(kube_flags INTERFACE -pie)
endif()

if(KUBE_SANITIZE)
  target_compile_options(kube_flags INTERFACE
    -fsanitize=${KUBE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(kube_flags INTERFACE -fsanitize=${KUBE_SANITIZE})
  target_compile_definitions(kube_flags INTERFACE KUBE_SANITIZED=1)
endif()
if(KUBE_FUZZ)
  target_compile_options(kube_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
