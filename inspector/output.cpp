#include "inspector/output.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <ctime>

#include "inspector/told_view.hpp"

namespace tk::inspector {

void warn(const std::string& text) { std::fprintf(stderr, "tiketi-inspect: %s\n", text.c_str()); }

exit_code refuse(const std::string& why) {
  warn(why);
  return failed;
}

void say(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

bool output_failed() { return std::fflush(stdout) != 0 || std::ferror(stdout) != 0; }

full_screen::full_screen(bool terminal) : terminal_(terminal) {
  if (terminal_) say("\x1b[?1049h\x1b[?25l");
}

full_screen::~full_screen() {
  if (terminal_) say("\x1b[?25h\x1b[?1049l");
}

screen_size full_screen::size() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
    return {};
  return {size.ws_row, size.ws_col};
}

void full_screen::show(const std::string& text) const {
  say(terminal_ ? "\x1b[H\x1b[2J" + text : text + '\n');
}

bool ends_within(int time_s) { return ends_within(std::chrono::seconds{time_s}); }

bool ends_within(std::chrono::milliseconds time) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  constexpr int64_t second_ms = 1000, ms_ns = 1'000'000;
  const timespec patience{time.count() / second_ms, time.count() % second_ms * ms_ns};
  return sigtimedwait(&set, nullptr, &patience) > 0;
}

} // namespace tk::inspector
