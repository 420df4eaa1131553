#pragma once

#include <string>
#include <vector>

namespace CLI { // NOLINT(readability-identifier-naming): of CLI11.
class App;
}

/// Words of a command line that name nothing. Pure.
namespace tk::inspector {

/// What is told of the first word that stands where a command is named and is none, with the one
/// that was probably meant; empty when every word is one. @param words the command line without the
/// program
std::string unknown_word(const CLI::App& app, const std::vector<std::string>& words);

} // namespace tk::inspector
