#include "logging/log.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <ctime>
#include <memory>
#include <mutex>
#include <thread>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include "actors/base/text.hpp"
#include "logging/pending.hpp"

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

/// Writes all of it, or gives it up when nobody can read it any more.
void write_out(std::string_view text) {
  while (!text.empty()) {
    auto n = ::write(STDOUT_FILENO, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    text.remove_prefix(static_cast<size_t>(n));
  }
}

/// What callers and the log's thread share. The thread keeps it alive: it may be stuck in a write
/// when everybody else has gone.
struct line_buffer {
  explicit line_buffer(size_t bytes_max) : lines(bytes_max) {
    // nop
  }

  /// Nobody is woken for a line: the thread looks by itself, and writes what came meanwhile at
  /// once.
  void write_all() {
    constexpr std::chrono::milliseconds pause{50};
    std::unique_lock guard{mutex};
    for (;;) {
      if (lines.empty() && ending) break;
      if (lines.empty()) wake.wait_for(guard, pause);
      auto text = lines.take();
      guard.unlock();
      write_out(text);
      guard.lock();
    }
    ended = true;
    wake.notify_all();
  }

  std::mutex mutex;
  std::condition_variable wake;
  pending_lines lines;
  bool ending = false, ended = false;
};
using line_buffer_ptr = std::shared_ptr<line_buffer>;

class buffer_sink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
public:
  explicit buffer_sink(line_buffer_ptr to) : to_(std::move(to)) {
    // nop
  }

  void stop() {
    constexpr std::chrono::seconds patience{1};
    std::unique_lock guard{to_->mutex};
    to_->ending = true;
    to_->wake.notify_all();
    to_->wake.wait_for(guard, patience, [this] { return to_->ended; });
  }

  [[nodiscard]] uint64_t dropped() const {
    std::unique_lock guard{to_->mutex};
    return to_->lines.dropped();
  }

protected:
  void sink_it_(const spdlog::details::log_msg& msg) override {
    spdlog::memory_buf_t text;
    std::unique_lock guard{to_->mutex}; // The formatter keeps state, too.
    formatter_->format(msg, text);
    to_->lines.add({text.data(), text.size()});
  }
  void flush_() override {
    // nop
  }
  void set_formatter_(std::unique_ptr<spdlog::formatter> fresh) override {
    std::unique_lock guard{to_->mutex};
    formatter_ = std::move(fresh);
  }

private:
  line_buffer_ptr to_;
};

/// The running log's sink; null before the start.
std::shared_ptr<buffer_sink>& running() {
  static std::shared_ptr<buffer_sink> sink;
  return sink;
}

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

void start_log(const std::string& level, size_t bytes_max) {
  auto buffer = std::make_shared<line_buffer>(bytes_max);
  running() = std::make_shared<buffer_sink>(buffer);
  auto log = std::make_shared<spdlog::logger>("tiketi", running());
  set_pattern(*log, "");
  log->set_level(spdlog::level::from_str(level));
  spdlog::set_default_logger(log);
  std::thread{[buffer] { buffer->write_all(); }}.detach();
}

void set_log_node(const std::string& node) { set_pattern(*spdlog::default_logger_raw(), node); }

uint64_t log_lines_dropped() { return running() ? running()->dropped() : 0; }

void stop_log() {
  spdlog::set_level(spdlog::level::off);
  if (running()) running()->stop();
}

} // namespace tk
