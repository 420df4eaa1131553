#define CAF_SUITE relay_envelope

#include "persistence/relay/envelope.hpp"

#include "caf/test/dsl.hpp"

using namespace tk;

namespace {

outbox_row created() {
  outbox_row x;
  x.topic = "reservation-events";
  x.type = "RESERVATION_CREATED";
  x.id = *parse_id<domain_event_id>("6b1e2f7a-0000-4000-8000-000000000001");
  x.correlation = *parse_id<request_id>("6b1e2f7a-0000-4000-8000-000000000002");
  x.made_at = *parse_iso("2026-11-22T10:00:00.123Z");
  x.body = R"({"userId": "u", "totalAmount": 5})";
  return x;
}

} // namespace

CAF_TEST(an envelope is one flat object) {
  CAF_CHECK_EQUAL(envelope_of(created()),
                  R"({"id":"6b1e2f7a-0000-4000-8000-000000000001","type":"RESERVATION_CREATED",)"
                  R"("version":1,"timestamp":"2026-11-22T10:00:00.123Z",)"
                  R"("correlationId":"6b1e2f7a-0000-4000-8000-000000000002",)"
                  R"("userId": "u", "totalAmount": 5})");
}

CAF_TEST(what nobody asked for has no correlation and an empty body adds nothing) {
  auto x = created();
  x.correlation = {};
  x.body = "{}";
  CAF_CHECK_EQUAL(envelope_of(x),
                  R"({"id":"6b1e2f7a-0000-4000-8000-000000000001","type":"RESERVATION_CREATED",)"
                  R"("version":1,"timestamp":"2026-11-22T10:00:00.123Z","correlationId":null})");
}

CAF_TEST(dead letters have a topic beside their own) {
  CAF_CHECK_EQUAL(dead_letters_of("payment-events"), "payment-events-dlq");
}
