#pragma once

#include <chrono>
#include <string>

#include "inspector/top_view.hpp"

/// What commands share: their output, and the signals that end them.
namespace tk::inspector {

/// What the program exits with; what exactly 1 says is in the help of the command.
enum exit_code : int {
  well = 0,    ///< All held, all was told, it is done.
  partial = 1, ///< Something contradicts, is missing, or has not come true yet.
  failed = 2   ///< Could not look, was refused, or the outcome is not known.
};

/// A line on stderr.
void warn(const std::string& text);

/// The same as the end of a command.
exit_code refuse(const std::string& why);

/// Writes at once. What cannot be written is told by `output_failed`.
void say(const std::string& text);

/// Whether anything could not be written, e.g. to a full disk.
bool output_failed();

/// A terminal as a whole, given back as it was. Without a terminal everything is just written.
class full_screen {
public:
  explicit full_screen(bool terminal);
  ~full_screen();
  full_screen(const full_screen&) = delete;
  full_screen& operator=(const full_screen&) = delete;
  /// Its size now; that of the usual terminal without one.
  [[nodiscard]] static screen_size size();
  /// Shows as much of it as fits.
  void show(const std::string& text) const;

private:
  bool terminal_;
};

/// Waits for a signal to end; true when one came, false when the time is up. SIGINT and SIGTERM are
/// blocked by `main`.
bool ends_within(int time_s);
bool ends_within(std::chrono::milliseconds time);

} // namespace tk::inspector
