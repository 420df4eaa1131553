#define CAF_SUITE told_view
#include "inspector/told_view.hpp"

#include <nlohmann/json.hpp>

#include "caf/test/dsl.hpp"

using namespace tk::inspector;
using json = nlohmann::ordered_json;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string value(const std::string& name, const char* text) {
  return value_text(name, json::parse(text));
}

const text_style plain{}, coloured{true};

} // namespace

CAF_TEST(values are written as people read them) {
  CAF_CHECK_EQUAL(value("x", "null"), "-");
  CAF_CHECK_EQUAL(value("x", "true"), "yes");
  CAF_CHECK_EQUAL(value("x", "12"), "12");
  CAF_CHECK_EQUAL(value("x", "[1,\"a\"]"), "1, a");
  CAF_CHECK_EQUAL(value("x", "[]"), "none");
  CAF_CHECK_EQUAL(value("age_ms", "0"), "0.0 s");
  CAF_CHECK_EQUAL(value("age_ms", "340"), "0.3 s");
  CAF_CHECK_EQUAL(value("age_ms", "61000"), "1 min 1 s");
  CAF_CHECK_EQUAL(value("age_ms", "7260000"), "2 h 1 min");
  CAF_CHECK_EQUAL(value("age_ms", "180000000"), "2 d 2 h");
  CAF_CHECK_EQUAL(value("left_ms", "-1500"), "-1.5 s");
  CAF_CHECK_EQUAL(value("age_ms", "null"), "-");
}

CAF_TEST(nothing that was told can steer the terminal) {
  CAF_CHECK_EQUAL(value("x", R"("\u001b[2Jtitle\n")"), "?[2Jtitle?");
  CAF_CHECK_EQUAL(value("x", R"("한글")"), "한글");
}

CAF_TEST(tables line up whatever is in them) {
  auto rows = json::parse(R"([{"seat_no":1,"title":"한글","left_ms":1000},
                              {"seat_no":100,"title":"ab","left_ms":null}])");
  CAF_CHECK_EQUAL(table_text(rows, plain), "seat no  title  left\n"
                                           "1        한글     1.0 s\n"
                                           "100      ab     -\n");
  auto empty = json::array();
  CAF_CHECK_EQUAL(table_text(empty, plain), "");
  CAF_CHECK(!contains(table_text(rows, plain), "\x1b"));
  CAF_CHECK(contains(table_text(rows, coloured), "\x1b"));
}

CAF_TEST(a row without a field of the first has nothing there) {
  auto rows = json::parse(R"([{"a":1,"b":2},{"b":3}])");
  CAF_CHECK_EQUAL(table_text(rows, plain), "a  b\n1  2\n-  3\n");
}

CAF_TEST(a screen shows what fits) {
  CAF_CHECK_EQUAL(fitted("one\ntwo\nthree\n", 3, 4), "one\ntwo\nthre");
  CAF_CHECK_EQUAL(fitted("a\nb\nc\nd\n", 3, 80), "a\nb\n... 2 more lines");
  CAF_CHECK_EQUAL(fitted("a\n\nb\n", 5, 80), "a\n\nb");
  CAF_CHECK_EQUAL(fitted("\x1b[1mbold\x1b[0m\n", 5, 2), "\x1b[1mbo\x1b[0m");
  CAF_CHECK_EQUAL(fitted("\x1b[1mbold\x1b[0m\n", 5, 4), "\x1b[1mbold\x1b[0m");
  CAF_CHECK_EQUAL(fitted("한글이다\n", 5, 2), "한글");
  CAF_CHECK_EQUAL(fitted("a\n", 0, 2), "");
}

CAF_TEST(every part says where it is from and how old it is) {
  auto told = json::parse(R"({"parts":[
      {"node":"n1","from":"board","age_ms":300,"data":{"waiting":3,"paused":false}},
      {"node":"n1","from":"rows","age_ms":12,"data":{"event":"e",
        "last_minute":{"held":4},"blocks":[{"block":0,"free":2}],"types":[]}}],
    "missing":[{"node":"n2","what":"node http://n2","why":"Connection refused"},
      {"node":"n1","what":"roster","why":"PostgreSQL cannot be asked"},
      {"node":"n3","what":"roster","why":"PostgreSQL cannot be asked"}],
    "notes":["claims are not told"]})");
  auto text = told_text(told, plain);
  CAF_CHECK(
    contains(text, "as of 0.3 s ago, from board of node n1\n  waiting  3\n  paused   no\n"));
  CAF_CHECK(contains(text, "as of 0.0 s ago, from rows\n  event  e\n  types  none\n"));
  CAF_CHECK(contains(text, "  last minute\n    held  4\n"));
  CAF_CHECK(contains(text, "  blocks\n    block  free\n    0      2\n"));
  CAF_CHECK(contains(text, "missing: node http://n2: Connection refused\n"
                           "missing: roster (node n1): PostgreSQL cannot be asked\n"
                           "missing: roster (node n3): PostgreSQL cannot be asked\n"));
  CAF_CHECK(contains(text, "note: claims are not told\n"));
  CAF_CHECK(!contains(text, "\x1b"));
}
