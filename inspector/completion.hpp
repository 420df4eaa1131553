#pragma once

#include <string>

namespace CLI {
class App;
}

namespace tk::inspector {

/// A script that completes the commands and options of `app`, made from its tree as it is. `shell`
/// is bash, zsh or fish.
std::string completion_script(const CLI::App& app, const std::string& shell);

} // namespace tk::inspector
