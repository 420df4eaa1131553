#define CAF_SUITE logging

#include "logging/log.hpp"

#include <algorithm>
#include <limits>
#include <sstream>

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include "caf/test/dsl.hpp"

#include "logging/pending.hpp"

using namespace tk;

namespace {

/// The log's lines end in a text, by the plainest logger there is.
struct fixture {
  fixture() {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(written);
    auto log = std::make_shared<spdlog::logger>("test", sink);
    log->set_pattern("%l %v");
    log->set_level(spdlog::level::info);
    spdlog::set_default_logger(log);
  }
  ~fixture() { spdlog::drop_all(); }
  std::string taken() {
    auto out = written.str();
    written.str("");
    return out;
  }
  std::ostringstream written;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(logging_tests, fixture)

CAF_TEST(a line is the fields of a JSON object in the order they were given) {
  log_line(log_level::warn, "http", "odd")
    .text("what", "a \"b\"\n")
    .number("status", -5)
    .decimal("duration_ms", 1.25);
  std::string expected = R"(warning "component":"http","event":"odd","what":"a \"b\"\n",)"
                         R"("status":-5,"duration_ms":1.250)"
                         "\n";
  CAF_CHECK_EQUAL(taken(), expected);
}

CAF_TEST(what is empty is left out and what is long is cut) {
  log_line(log_level::info, "x", "y").text("none", "").text("much", std::string(10'000, 'a'));
  auto line = taken();
  CAF_CHECK_EQUAL(line.find("none"), std::string::npos);
  CAF_CHECK(line.size() > 512 && line.size() < 600);
}

CAF_TEST(a level that is off writes nothing) {
  log_line(log_level::debug, "x", "y").text("z", "z").number("n", 1);
  CAF_CHECK_EQUAL(taken(), "");
  CAF_CHECK(!log_enabled(log_level::debug) && log_enabled(log_level::error));
}

CAF_TEST(braces and numbers that are none do no harm) {
  log_line(log_level::info, "x", "{} {0}").decimal("n", std::numeric_limits<double>::infinity());
  std::string expected = R"(info "component":"x","event":"{} {0}","n":null)"
                         "\n";
  CAF_CHECK_EQUAL(taken(), expected);
}

CAF_TEST(lines leave in their order and in large pieces) {
  pending_lines lines{1u << 20};
  std::string all, taken;
  for (int i = 0; i < 10'000; ++i) {
    auto line = "line " + std::to_string(i) + "\n";
    lines.add(line);
    all += line;
  }
  int pieces = 0;
  for (; !lines.empty(); ++pieces) taken += lines.take();
  CAF_CHECK(taken == all);
  CAF_CHECK(pieces <= 3);
  CAF_CHECK_EQUAL(lines.dropped(), 0u);
  CAF_CHECK(lines.take().empty());
}

CAF_TEST(too many lines cost the oldest and every lost one is counted) {
  constexpr uint64_t count = 30'000;
  constexpr size_t line_bytes = 101;
  pending_lines lines{256 * 1024};
  std::string line(line_bytes, 'x');
  line.back() = '\n';
  for (uint64_t i = 0; i < count; ++i) lines.add(line);
  lines.add("the last\n");
  uint64_t kept = 0;
  std::string last;
  while (!lines.empty()) {
    last = lines.take();
    kept += static_cast<uint64_t>(std::count(last.begin(), last.end(), '\n'));
  }
  auto told = lines.dropped();
  CAF_CHECK_EQUAL(kept + told, count + 1);
  CAF_CHECK(kept * line_bytes <= 6 * pending_lines::chunk_bytes);
  CAF_CHECK(last.ends_with("the last\n"));
}

CAF_TEST_FIXTURE_SCOPE_END()
