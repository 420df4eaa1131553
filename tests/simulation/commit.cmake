# Writes OUT, which says what SOURCE is built from, when that has changed.
execute_process(
  COMMAND git -C ${SOURCE} describe --always --dirty
  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE
  RESULT_VARIABLE status ERROR_QUIET)
if(NOT status EQUAL 0)
  set(commit unknown)
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT [[
#include "tests/simulation/commit.hpp"

namespace tk::sim {

const char* const built_from = "@commit@";

} // namespace tk::sim
]] @ONLY)
