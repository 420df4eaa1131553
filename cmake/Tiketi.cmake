# Compiler settings, third-party libraries and the three macros every folder uses.
include_guard(GLOBAL)

# -- language and warnings ---------------------------------------------------------------------

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)
set(THREADS_PREFER_PTHREAD_FLAG ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release or Debug" FORCE)
endif()
# Assertions stay on in release: a broken invariant must stop an actor, so there is no NDEBUG.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g")

option(TIKETI_PCH "Precompile caf/all.hpp for targets declared with PCH (g++ only)" ON)
set(TIKETI_SANITIZE "" CACHE STRING "Value for -fsanitize=, e.g. 'address,undefined' or 'thread'")

# Everything is built position independent with the same flag, so that libraries and programs can
# share one precompiled header.
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Werror -fPIE -fno-omit-frame-pointer)
add_link_options(-pie)

if(TIKETI_SANITIZE)
  add_compile_options(-fsanitize=${TIKETI_SANITIZE})
  add_link_options(-fsanitize=${TIKETI_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # The instrumentation of g++ 12 makes its flow analysis see impossible paths.
    add_compile_options(-Wno-maybe-uninitialized -Wno-stringop-overflow -Wno-array-bounds)
    if(TIKETI_SANITIZE STREQUAL "thread")
      add_compile_options(-Wno-tsan) # libstdc++ uses atomic_thread_fence, which TSan ignores.
    endif()
  endif()
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -D_GLIBCXX_ASSERTIONS
    -fstack-protector-strong -fstack-clash-protection)
  if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
    add_compile_options(-fcf-protection)
  endif()
  add_link_options(-Wl,-z,relro -Wl,-z,now)
endif()

# -- faster builds -----------------------------------------------------------------------------

find_program(TIKETI_CCACHE ccache)
if(TIKETI_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # ccache refuses precompiled headers unless told that time stamps and macros may be ignored.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    CCACHE_NOHASHDIR=1
    CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} ${TIKETI_CCACHE})
endif()
find_program(TIKETI_MOLD mold)
if(TIKETI_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# -- third-party libraries ---------------------------------------------------------------------

find_package(Threads REQUIRED)
find_package(CAF 0.17.6 REQUIRED COMPONENTS core io openssl)
find_package(PkgConfig REQUIRED)

# Makes `ext::<name>` from a CMake package and the targets it brings.
function(tiketi_ext_package name package)
  find_package(${package} REQUIRED)
  add_library(ext::${name} INTERFACE IMPORTED GLOBAL)
  target_link_libraries(ext::${name} INTERFACE ${ARGN})
endfunction()

# Makes `ext::<name>` from a pkg-config file.
function(tiketi_ext_pkgconfig name module)
  pkg_check_modules(tiketi_${name} REQUIRED IMPORTED_TARGET GLOBAL ${module})
  add_library(ext::${name} INTERFACE IMPORTED GLOBAL)
  target_link_libraries(ext::${name} INTERFACE PkgConfig::tiketi_${name})
endfunction()

# tiketi_find(<name>) makes the target ext::<name>. The macros below call it for every ext::
# library they are asked to link, so a library is needed only when something uses it.
function(tiketi_find name)
  if(TARGET ext::${name})
    return()
  elseif(name STREQUAL "pistache")
    tiketi_ext_pkgconfig(pistache libpistache)
  elseif(name STREQUAL "pq")
    tiketi_ext_pkgconfig(pq libpq)
  elseif(name STREQUAL "sodium")
    tiketi_ext_pkgconfig(sodium libsodium)
  elseif(name STREQUAL "jwt")
    tiketi_ext_pkgconfig(jwt libjwt)
  elseif(name STREQUAL "hiredis")
    tiketi_ext_pkgconfig(hiredis hiredis)
  elseif(name STREQUAL "rdkafka")
    tiketi_ext_pkgconfig(rdkafka rdkafka)
  elseif(name STREQUAL "crypt")
    tiketi_ext_pkgconfig(crypt libcrypt)
  elseif(name STREQUAL "openssl")
    tiketi_ext_package(openssl OpenSSL OpenSSL::SSL OpenSSL::Crypto)
  elseif(name STREQUAL "zlib")
    tiketi_ext_package(zlib ZLIB ZLIB::ZLIB)
  elseif(name STREQUAL "curl")
    tiketi_ext_package(curl CURL CURL::libcurl)
  elseif(name STREQUAL "prometheus")
    tiketi_ext_package(prometheus prometheus-cpp prometheus-cpp::core)
  elseif(name STREQUAL "spdlog")
    tiketi_ext_package(spdlog spdlog spdlog::spdlog)
  elseif(name STREQUAL "fmt")
    tiketi_ext_package(fmt fmt fmt::fmt)
  elseif(name STREQUAL "json")
    tiketi_ext_package(json nlohmann_json nlohmann_json::nlohmann_json)
  elseif(name STREQUAL "cli11")
    tiketi_ext_package(cli11 CLI11 CLI11::CLI11)
  elseif(name STREQUAL "rapidcheck")
    tiketi_ext_package(rapidcheck rapidcheck rapidcheck)
  elseif(name STREQUAL "benchmark")
    tiketi_ext_package(benchmark benchmark benchmark::benchmark)
  elseif(name STREQUAL "expected")
    find_path(TIKETI_EXPECTED_INCLUDE tl/expected.hpp REQUIRED)
    add_library(ext::expected INTERFACE IMPORTED GLOBAL)
    target_include_directories(ext::expected INTERFACE ${TIKETI_EXPECTED_INCLUDE})
  else()
    message(FATAL_ERROR "tiketi_find: there is no library called '${name}'")
  endif()
endfunction()

# -- macros ------------------------------------------------------------------------------------

# One header for all targets that ask for PCH. It may never be needed to compile: every file
# includes what it uses.
function(tiketi_use_pch target)
  if(NOT TIKETI_PCH OR NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    return()
  endif()
  if(NOT TARGET tiketi_pch)
    add_library(tiketi_pch OBJECT "${PROJECT_SOURCE_DIR}/cmake/pch.cpp")
    target_compile_options(tiketi_pch PUBLIC -fpch-preprocess)
    target_link_libraries(tiketi_pch PUBLIC CAF::core Threads::Threads)
    target_precompile_headers(tiketi_pch PRIVATE <caf/all.hpp>)
  endif()
  target_compile_options(${target} PRIVATE -fpch-preprocess)
  target_link_libraries(${target} PRIVATE Threads::Threads)
  target_precompile_headers(${target} REUSE_FROM tiketi_pch)
endfunction()

function(tiketi_link target)
  foreach(item IN LISTS ARGN)
    if(item MATCHES "^ext::(.+)$")
      tiketi_find(${CMAKE_MATCH_1})
    endif()
  endforeach()
  set_property(TARGET ${target} PROPERTY TIKETI_LINKS ${ARGN})
  set_property(GLOBAL APPEND PROPERTY TIKETI_TARGETS ${target})
  target_link_libraries(${target} PUBLIC ${ARGN})
  target_include_directories(${target} PUBLIC "${PROJECT_SOURCE_DIR}")
endfunction()

# tiketi_library(name SOURCES a.cpp ... [LINKS x y] [PCH]): a static library. Includes are written
# from the root of the repository, e.g. "actors/base/ids.hpp".
function(tiketi_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "PCH" "" "SOURCES;LINKS")
  tiketi_reject_unknown(${name} "${arg_UNPARSED_ARGUMENTS}")
  add_library(${name} STATIC ${arg_SOURCES})
  tiketi_link(${name} ${arg_LINKS})
  if(arg_PCH)
    tiketi_use_pch(${name})
  endif()
endfunction()

# tiketi_executable(name SOURCES a.cpp ... [LINKS x y] [PCH]): a program.
function(tiketi_executable name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "PCH" "" "SOURCES;LINKS")
  tiketi_reject_unknown(${name} "${arg_UNPARSED_ARGUMENTS}")
  add_executable(${name} ${arg_SOURCES})
  tiketi_link(${name} ${arg_LINKS})
  if(arg_PCH)
    tiketi_use_pch(${name})
  endif()
endfunction()

# tiketi_test(name SOURCES x.test.cpp ... [LINKS x y] [LABELS unit] [TIMEOUT s] [ARGS ...]
#             [POSTGRES] [OWN_MAIN] [PCH]): a test program, registered with CTest under its name.
# Tests use CAF's own framework (`#define CAF_SUITE x`, then "caf/test/dsl.hpp") and get their main
# function from tests/support/test_main.cpp unless they say OWN_MAIN. POSTGRES runs the program
# with a throw-away PostgreSQL whose address is in TIKETI_TEST_PG.
function(tiketi_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "PCH;POSTGRES;OWN_MAIN" "TIMEOUT"
    "SOURCES;LINKS;LABELS;ARGS")
  tiketi_reject_unknown(${name} "${arg_UNPARSED_ARGUMENTS}")
  add_executable(${name} ${arg_SOURCES})
  tiketi_link(${name} ${arg_LINKS})
  target_link_libraries(${name} PRIVATE CAF::core Threads::Threads)
  if(NOT arg_OWN_MAIN)
    target_link_libraries(${name} PRIVATE tiketi_test_main)
  endif()
  if(arg_PCH)
    tiketi_use_pch(${name})
  endif()
  set(command $<TARGET_FILE:${name}> ${arg_ARGS})
  if(arg_POSTGRES)
    list(PREPEND command "${PROJECT_SOURCE_DIR}/tests/support/with-postgres")
  endif()
  add_test(NAME ${name} COMMAND ${command} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  tiketi_test_properties(${name} "${arg_TIMEOUT}" "${arg_LABELS}")
endfunction()

# tiketi_script_test(name COMMAND ... [LABELS contract] [TIMEOUT s]): any other command as a test.
function(tiketi_script_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "COMMAND;LABELS")
  tiketi_reject_unknown(${name} "${arg_UNPARSED_ARGUMENTS}")
  add_test(NAME ${name} COMMAND ${arg_COMMAND} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  tiketi_test_properties(${name} "${arg_TIMEOUT}" "${arg_LABELS}")
endfunction()

function(tiketi_test_properties name timeout labels)
  if(NOT timeout)
    set(timeout 60)
  endif()
  if(NOT labels)
    set(labels unit)
  endif()
  if(TIKETI_SANITIZE)
    math(EXPR timeout "${timeout} * 5")
  endif()
  # The suppressions need a recoverable UBSan, so its reports are made to fail the test by
  # halt_on_error instead of by -fno-sanitize-recover.
  set(ubsan "print_stacktrace=1:halt_on_error=1")
  string(APPEND ubsan ":suppressions=${PROJECT_SOURCE_DIR}/tests/support/ubsan.supp")
  # Pistache is the packaged one, without instrumentation: how it hands a descriptor from its
  # acceptor to its workers is invisible, so what it does with descriptors looks like a race.
  set(tsan "second_deadlock_stack=1:suppressions=${PROJECT_SOURCE_DIR}/tests/support/tsan.supp")
  set_tests_properties(${name} PROPERTIES TIMEOUT ${timeout} LABELS "${labels}" ENVIRONMENT
    "ASAN_OPTIONS=detect_leaks=1;UBSAN_OPTIONS=${ubsan};TSAN_OPTIONS=${tsan}")
endfunction()

function(tiketi_reject_unknown name unknown)
  if(unknown)
    message(FATAL_ERROR "${name}: unknown arguments: ${unknown}")
  endif()
endfunction()

add_library(tiketi_test_main STATIC "${PROJECT_SOURCE_DIR}/tests/support/test_main.cpp")
target_link_libraries(tiketi_test_main PUBLIC CAF::core Threads::Threads)
set_target_properties(tiketi_test_main PROPERTIES EXCLUDE_FROM_ALL ON)

# -- architecture ------------------------------------------------------------------------------

# Stops the configuration when `target` links anything but the named libraries.
function(tiketi_links_only target)
  if(NOT TARGET ${target})
    return()
  endif()
  get_target_property(links ${target} LINK_LIBRARIES)
  foreach(item IN LISTS links)
    if(item AND NOT item IN_LIST ARGN AND NOT item STREQUAL "Threads::Threads")
      message(FATAL_ERROR "${target} must not link ${item}; it may link only: ${ARGN}")
    endif()
  endforeach()
endfunction()

# Stops the configuration when any library but the named ones links `library` itself. Tests and
# programs are not libraries and may.
function(tiketi_only_linked_by library)
  get_property(targets GLOBAL PROPERTY TIKETI_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(type ${target} TYPE)
    get_target_property(links ${target} TIKETI_LINKS)
    if(type STREQUAL "STATIC_LIBRARY" AND library IN_LIST links AND NOT target IN_LIST ARGN)
      message(FATAL_ERROR "${target} must not link ${library}; only these may: ${ARGN}")
    endif()
  endforeach()
endfunction()
