#define CAF_SUITE kafka_record

#include "gateways/kafka/record.hpp"

#include "caf/test/dsl.hpp"

#include <filesystem>
#include <fstream>

#include "persistence/relay/envelope.hpp"

using namespace tk;

namespace {

const record_place place{"reservation-events", 1, 7};

outbox_row read(const std::string& value, const record_place& at = place) {
  return row_of(at, "key", value, from_ms(5));
}

} // namespace

CAF_TEST(what is told is read as it was) {
  outbox_row x;
  x.topic = "reservation-events";
  x.key = "key";
  x.type = "RESERVATION_CREATED";
  x.id = *parse_id<domain_event_id>("6b1e2f7a-0000-4000-8000-000000000001");
  x.correlation = *parse_id<request_id>("6b1e2f7a-0000-4000-8000-000000000002");
  x.made_at = from_ms(1'700'000'000'123);
  x.body = R"({"totalAmount": 5})";
  auto y = read(envelope_of(x));
  CAF_CHECK(y.topic == x.topic && y.key == x.key && y.type == x.type && y.id == x.id);
  CAF_CHECK(y.correlation == x.correlation && y.made_at == x.made_at);
  CAF_CHECK_EQUAL(y.body, envelope_of(x));
}

CAF_TEST(a record without type is told by its fields) {
  const record_place money{"payment-events", 0, 1};
  CAF_CHECK_EQUAL(read(R"({"reason": "x"})").type, "RESERVATION_CANCELLED");
  CAF_CHECK_EQUAL(read(R"({"paymentMethod": "x"})").type, "RESERVATION_CONFIRMED");
  CAF_CHECK_EQUAL(read("{}").type, "RESERVATION_CREATED");
  CAF_CHECK_EQUAL(read(R"({"reason": "x"})", money).type, "PAYMENT_REFUNDED");
  CAF_CHECK_EQUAL(read(R"({"paymentMethod": "x"})", money).type, "PAYMENT_CONFIRMED");
}

CAF_TEST(a record without id is known by its place) {
  auto id = read("{}").id;
  CAF_CHECK(!id.nil() && id == read("{}").id);
  CAF_CHECK(id != read("{}", {"reservation-events", 1, 8}).id);
  CAF_CHECK(id != read("{}", {"reservation-events", 2, 7}).id);
  CAF_CHECK(id != read("{}", {"payment-events", 1, 7}).id);
}

CAF_TEST(what no consumer can take has no type and is kept for people) {
  for (auto* text : {"", "x", "[]", "7", "{\"a\":", "\xff\xfe"}) {
    auto x = read(text);
    CAF_CHECK(x.type.empty() && !x.id.nil());
    CAF_CHECK(x.body.starts_with(R"({"unreadable":)"));
    CAF_CHECK(x.made_at == from_ms(5));
  }
  CAF_CHECK(read(R"({"type": "RESERVATION_CREATED", "version": 2})").type.empty());
  CAF_CHECK(!read(R"({"type": "RESERVATION_CREATED", "version": 1})").type.empty());
}

CAF_TEST(the golden records are read and told again as they are) {
  int count = 0;
  for (auto& file : std::filesystem::directory_iterator{TIKETI_GOLDEN_EVENTS}) {
    std::ifstream in{file.path()};
    std::string golden;
    std::getline(in, golden);
    auto x = read(golden);
    CAF_MESSAGE(file.path().string());
    CAF_CHECK_EQUAL(to_string(x.id), "6b1e2f7a-0000-4000-8000-000000000001");
    CAF_CHECK_EQUAL(to_iso_z(x.made_at), "2026-11-22T10:00:00.123Z");
    auto name = x.type + ".json";
    for (auto& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    CAF_CHECK_EQUAL(file.path().filename().string(), name);
    // As the relay would tell it: the type's own fields are what stands behind the correlation.
    const std::string last = "000000000002\",";
    x.body = "{" + golden.substr(golden.find(last) + last.size());
    CAF_CHECK_EQUAL(envelope_of(x), golden);
    ++count;
  }
  CAF_CHECK_EQUAL(count, 9);
}
