#define CAF_SUITE notice_order
#include "inspector/notice_order.hpp"

#include <nlohmann/json.hpp>

#include "caf/test/dsl.hpp"

using namespace tk::inspector;

namespace {

using json = nlohmann::json;

notice_order order(notice_verb verb) {
  notice_order out;
  out.verb = verb;
  out.id = "some id";
  out.level = "warning";
  out.ko = "점검";
  out.en = "A \"check\"";
  out.operation = "op";
  return out;
}

} // namespace

CAF_TEST(each word has its method and path) {
  CAF_CHECK_EQUAL(notice_path(order(notice_verb::add)), "/operator/notices");
  CAF_CHECK_EQUAL(notice_method(order(notice_verb::add)), "POST");
  CAF_CHECK_EQUAL(notice_path(order(notice_verb::change)), "/operator/notices/some%20id");
  CAF_CHECK_EQUAL(notice_method(order(notice_verb::change)), "PUT");
  CAF_CHECK_EQUAL(notice_path(order(notice_verb::remove)), "/operator/notices/some%20id");
  CAF_CHECK_EQUAL(notice_method(order(notice_verb::remove)), "DELETE");
}

CAF_TEST(a request says what is known and nothing else) {
  const json text = {{"ko", "점검"}, {"en", "A \"check\""}};
  auto x = order(notice_verb::add);
  CAF_CHECK(json::parse(notice_request(x)) ==
            (json{{"level", "warning"}, {"text", text}, {"operationId", "op"}}));
  x = order(notice_verb::change);
  x.event = "e";
  x.from = "f";
  x.until = "u";
  CAF_CHECK(
    json::parse(notice_request(x)) ==
    (json{
      {"level", "warning"}, {"text", text}, {"eventId", "e"}, {"startsAt", "f"}, {"endsAt", "u"}}));
  CAF_CHECK(notice_request(order(notice_verb::remove)).empty());
  x.en = "no \xff text"; // Never throws.
  CAF_CHECK(json::parse(notice_request(x)).contains("text"));
}
