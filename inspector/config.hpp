#pragma once

#include <string>

/// What the environment says: where the answer goes to, and who asks.
namespace tk::inspector {

/// Somebody reads it on a terminal, and has not asked for plain text (https://no-color.org).
bool wants_colour();

/// INSPECT_TOKEN: no command line shows it.
std::string token_of_environment();

} // namespace tk::inspector
