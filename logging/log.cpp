#include "logging/log.hpp"

#include <array>
#include <charconv>
#include <ctime>
#include <memory>

#include <spdlog/async.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "actors/base/text.hpp"

namespace tk {

namespace {

constexpr size_t value_bytes_max = 512;

spdlog::level::level_enum level_of(log_level x) {
  switch (x) {
  case log_level::debug: return spdlog::level::debug;
  case log_level::info: return spdlog::level::info;
  case log_level::warn: return spdlog::level::warn;
  case log_level::error: break;
  }
  return spdlog::level::err;
}

/// The rest of the line: the fields of a `log_line`, or any other text as a message.
class json_rest final : public spdlog::custom_flag_formatter {
public:
  void format(const spdlog::details::log_msg& msg, const std::tm&,
              spdlog::memory_buf_t& out) override {
    std::string_view payload{msg.payload.data(), msg.payload.size()};
    std::string text;
    if (!payload.starts_with(R"("component":)")) {
      text = R"("message":)";
      append_json_quoted(text, payload);
      payload = text;
    }
    out.append(payload.data(), payload.data() + payload.size());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<json_rest>();
  }
};

void set_pattern(spdlog::logger& log, const std::string& node) {
  std::string quoted;
  for (char c : json_quote(node)) quoted += c == '%' ? std::string{"%%"} : std::string{c};
  auto lines = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  lines->add_flag<json_rest>('J');
  lines->set_pattern(R"({"ts":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","node":)" + quoted + ",%J}");
  log.set_formatter(std::move(lines));
}

} // namespace

bool log_enabled(log_level level) { return spdlog::should_log(level_of(level)); }

log_line::log_line(log_level level, std::string_view component, std::string_view event)
    : level_(level), on_(log_enabled(level)) {
  if (!on_) return;
  constexpr size_t usual = 384;
  fields_.reserve(usual);
  fields_ += R"("component":)";
  append_json_quoted(fields_, component);
  text("event", event);
}

log_line::~log_line() {
  if (on_) spdlog::log(level_of(level_), spdlog::string_view_t{fields_.data(), fields_.size()});
}

log_line& log_line::text(std::string_view name, std::string_view value) {
  if (!on_ || value.empty()) return *this;
  fields_.append(",\"").append(name).append("\":");
  append_json_quoted(fields_, value.substr(0, value_bytes_max));
  return *this;
}

log_line& log_line::number(std::string_view name, int64_t value) {
  if (on_) fields_.append(",\"").append(name).append("\":").append(std::to_string(value));
  return *this;
}

log_line& log_line::decimal(std::string_view name, double value) {
  if (!on_) return *this;
  std::array<char, 64> text{};
  auto end =
    std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, 3);
  fields_.append(",\"").append(name).append("\":");
  // JSON knows neither infinity nor what is no number.
  bool finite = end.ec == std::errc{} && value - value == 0;
  fields_.append(finite ? std::string_view(text.data(), end.ptr) : std::string_view("null"));
  return *this;
}

void start_log(const std::string& level, size_t lines_max) {
  spdlog::init_thread_pool(lines_max, 1);
  auto log = std::make_shared<spdlog::async_logger>(
    "tiketi", std::make_shared<spdlog::sinks::stdout_sink_mt>(), spdlog::thread_pool(),
    spdlog::async_overflow_policy::overrun_oldest);
  set_pattern(*log, "");
  log->set_level(spdlog::level::from_str(level));
  spdlog::set_default_logger(log);
}

void set_log_node(const std::string& node) { set_pattern(*spdlog::default_logger_raw(), node); }

uint64_t log_lines_dropped() {
  auto pool = spdlog::thread_pool();
  return pool ? pool->overrun_counter() : 0;
}

void stop_log() {
  spdlog::set_level(spdlog::level::off);
  spdlog::shutdown();
}

} // namespace tk
