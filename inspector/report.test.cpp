#define CAF_SUITE inspector_report

#include "inspector/report.hpp"

#include <caf/test/dsl.hpp>

#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

using namespace tk;
using namespace tk::inspector;

namespace {

audit_finding finding(const std::string& rule, int64_t rows) {
  return {rule,
          "seats",
          "something is wrong",
          rows,
          {{"id-1", "locked", "no reservation"}, {"id-22", "reserved", "it is pending"}}};
}

audit_report report(std::vector<audit_finding> found) {
  return {from_ms(1'790'000'000'123), millis{1234}, false, 50, std::move(found)};
}

constexpr text_style plain{}, terminal{true};

} // namespace

CAF_TEST(rows that contradict each other are listed with both values and the rest is counted) {
  auto text = as_text(report({finding("seat_status", 7)}), plain);
  const std::string expected = "seat_status: something is wrong: 7 rows of seats\n"
                               "  id-1  locked  <>  no reservation\n"
                               "  id-22  reserved  <>  it is pending\n"
                               "  and 5 more\n"
                               "1 of 50 rules broken as of 2026-09-21T14:13:20.123Z, 1.2 s ago\n";
  CAF_CHECK_EQUAL(text, expected);
}

CAF_TEST(a healthy shop is one line) {
  auto text = as_text(report({}), plain);
  const std::string expected = "50 rules hold as of 2026-09-21T14:13:20.123Z, 1.2 s ago\n";
  CAF_CHECK_EQUAL(text, expected);
  auto standby = report({});
  standby.standby = true;
  CAF_CHECK(as_text(standby, plain).find("on a standby") != std::string::npos);
}

CAF_TEST(a terminal gets colours and columns and nobody else does) {
  auto found = report({finding("seat_status", 2)});
  CAF_CHECK(as_text(found, plain).find('\x1b') == std::string::npos);
  auto text = as_text(found, terminal);
  CAF_CHECK(text.find("\x1b[1;31mseat_status\x1b[0m") != std::string::npos);
  CAF_CHECK(text.find("  id-1   locked    <>  no reservation\n") != std::string::npos);
}

CAF_TEST(who follows hears what is new and other and gone and nothing twice) {
  std::vector<audit_finding> before{finding("a", 2), finding("b", 2), finding("c", 2)};
  std::vector<audit_finding> now{finding("a", 2), finding("b", 3), finding("d", 2)};
  auto text = changes_of(before, now, plain);
  CAF_CHECK(text.find("a: ") == std::string::npos);
  CAF_CHECK(text.find("b: something is wrong: 3 rows") != std::string::npos);
  CAF_CHECK(text.find("c: holds again\n") != std::string::npos);
  CAF_CHECK(text.find("d: something is wrong") != std::string::npos);
  CAF_CHECK(changes_of(now, now, plain).empty());
}

CAF_TEST(machines read one object a line) {
  auto found = report({finding("seat_status", 7)});
  found.findings.front().sample.front().says = "line\nbreak and \xff";
  auto line = as_json(found);
  CAF_CHECK(line.find('\n') == std::string::npos);
  auto x = nlohmann::json::parse(line);
  CAF_CHECK(!x["held"].get<bool>());
  CAF_CHECK(x["as_of"] == "2026-09-21T14:13:20.123Z");
  CAF_CHECK(x["findings"][0]["rule"] == "seat_status");
  CAF_CHECK(x["findings"][0]["rows"][1]["against"] == "it is pending");
  CAF_CHECK(x["findings"][0]["count"] == 7);
  CAF_CHECK(x["findings"][0]["more"] == 5);
  auto none = nlohmann::json::parse(failure_as_json("no \"server\""));
  CAF_CHECK(none["held"].is_null());
  CAF_CHECK(none["error"] == "no \"server\"");
}

CAF_TEST(every rule has a name of its own and says what it is about) {
  std::set<std::string> names;
  const std::vector<audit_part> all{all_audit_parts.begin(), all_audit_parts.end()};
  for (auto part : all)
    for (auto& x : rules_of(part)) {
      CAF_CHECK(names.insert(x.name).second);
      CAF_CHECK(!x.text.empty() && !x.table.empty());
    }
  auto listed = nlohmann::json::parse(rule_list_as_json(all));
  CAF_CHECK_EQUAL(listed.size(), names.size());
}
