#define CAF_SUITE event_core

#include "actors/event/core.hpp"

#include <caf/test/dsl.hpp>

using namespace tk;

namespace {

const instant opens = from_ms(1'000'000), closes = from_ms(2'000'000);
constexpr millis tick{1};

sale_window window() { return {false, opens, closes}; }

} // namespace

CAF_TEST(the phase follows the clock to the millisecond) {
  CAF_CHECK(phase_at(window(), opens - tick) == event_phase::upcoming);
  CAF_CHECK(phase_at(window(), opens) == event_phase::on_sale);
  CAF_CHECK(phase_at(window(), closes) == event_phase::on_sale);
  CAF_CHECK(phase_at(window(), closes + tick) == event_phase::ended);
}

CAF_TEST(a cancelled event stays cancelled at any time) {
  auto x = window();
  x.cancelled = true;
  for (auto at : {opens - tick, opens, closes, closes + tick})
    CAF_CHECK(phase_at(x, at) == event_phase::cancelled);
}

CAF_TEST(without a sale start an event is upcoming until it is over) {
  auto x = window();
  x.sale_start = {};
  CAF_CHECK(phase_at(x, opens) == event_phase::upcoming);
  CAF_CHECK(phase_at(x, closes) == event_phase::upcoming);
  CAF_CHECK(phase_at(x, closes + tick) == event_phase::ended);
}

CAF_TEST(a sale ends with its event at the latest) {
  CAF_CHECK(effective_end(instant::max(), closes) == closes);
  CAF_CHECK(effective_end(opens, closes) == opens);
  CAF_CHECK(effective_end(closes, opens) == opens);
}
