# Finds the C++ Actor Framework, whose Debian package brings neither a CMake configuration nor a
# pkg-config file. Targets: CAF::core, CAF::io, CAF::openssl. CAF_ROOT names another installation,
# e.g. one that was built with a sanitizer.
include(FindPackageHandleStandardArgs)

find_path(CAF_INCLUDE_DIR caf/all.hpp)
if(CAF_INCLUDE_DIR AND EXISTS "${CAF_INCLUDE_DIR}/caf/config.hpp")
  file(STRINGS "${CAF_INCLUDE_DIR}/caf/config.hpp" line REGEX "^#define CAF_VERSION [0-9]+")
  string(REGEX MATCH "[0-9]+$" number "${line}")
  if(number)
    math(EXPR major "${number} / 10000")
    math(EXPR minor "(${number} / 100) % 100")
    math(EXPR patch "${number} % 100")
    set(CAF_VERSION "${major}.${minor}.${patch}")
  endif()
endif()

set(needed CAF_INCLUDE_DIR)
foreach(part core io openssl)
  find_library(CAF_${part}_LIBRARY caf_${part})
  if(CAF_${part}_LIBRARY)
    set(CAF_${part}_FOUND TRUE)
  endif()
endforeach()
list(APPEND needed CAF_core_LIBRARY)
find_package_handle_standard_args(CAF REQUIRED_VARS ${needed} VERSION_VAR CAF_VERSION
  HANDLE_COMPONENTS)

if(CAF_FOUND)
  foreach(part core io openssl)
    if(CAF_${part}_LIBRARY AND NOT TARGET CAF::${part})
      add_library(CAF::${part} UNKNOWN IMPORTED GLOBAL)
      set_target_properties(CAF::${part} PROPERTIES
        IMPORTED_LOCATION "${CAF_${part}_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${CAF_INCLUDE_DIR}")
    endif()
  endforeach()
  find_package(Threads REQUIRED)
  set_property(TARGET CAF::core APPEND PROPERTY INTERFACE_LINK_LIBRARIES Threads::Threads)
  if(TARGET CAF::io)
    set_property(TARGET CAF::io APPEND PROPERTY INTERFACE_LINK_LIBRARIES CAF::core)
  endif()
  if(TARGET CAF::openssl)
    find_package(OpenSSL REQUIRED)
    set_property(TARGET CAF::openssl APPEND PROPERTY
      INTERFACE_LINK_LIBRARIES CAF::io OpenSSL::SSL OpenSSL::Crypto)
  endif()
endif()
mark_as_advanced(CAF_INCLUDE_DIR CAF_core_LIBRARY CAF_io_LIBRARY CAF_openssl_LIBRARY)
