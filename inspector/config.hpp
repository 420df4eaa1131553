#pragma once

/// Where the answer goes to.
namespace tk::inspector {

/// Somebody reads it on a terminal, and has not asked for plain text (https://no-color.org).
bool wants_colour();

} // namespace tk::inspector
