#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tk {

enum class log_level : uint8_t { debug, info, warn, error };

/// One line of the log (G30): a JSON object, written when the line goes out of scope. What it costs
/// is composing its text and copying it into a bounded buffer; a thread of the log writes many
/// lines at once. A level that is off costs a comparison.
///
///     log_line(log_level::warn, "http", "handler_failed").text("route", path).text("what", why);
///
/// Never mail addresses, names, tokens or card data (I21): ids say who it was.
class log_line {
public:
  /// `component` is the folder that speaks; `event` a stable snake_case name.
  log_line(log_level level, std::string_view component, std::string_view event);
  log_line(const log_line&) = delete;
  log_line& operator=(const log_line&) = delete;
  ~log_line();

  /// Values longer than 512 bytes are cut. An empty value is left out.
  log_line& text(std::string_view name, std::string_view value);
  log_line& number(std::string_view name, int64_t value);
  /// To a thousandth.
  log_line& decimal(std::string_view name, double value);

private:
  log_level level_;
  bool on_;
  std::string fields_;
};

bool log_enabled(log_level level);

/// Starts the log's thread, which writes to stdout some 20 times a second. `level` is trace, debug,
/// info, warn or error. When `bytes_max` wait, because whoever reads stdout does not, the oldest
/// lines are dropped.
void start_log(const std::string& level, size_t bytes_max = 4u << 20);
/// From now on lines carry this node's name.
void set_log_node(const std::string& node);
/// Lines dropped so far.
uint64_t log_lines_dropped();
/// Writes what waits, for at most a second, and ends. Lines after this go nowhere.
void stop_log();

} // namespace tk
