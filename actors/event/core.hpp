#pragma once

#include "actors/event/messages.hpp"

namespace tk {

/// Where an event stands at `now` (contract 2.2). `cancelled` is final.
enum class event_phase : uint8_t { upcoming, on_sale, ended, cancelled };

/// The phase by the clock, never by a stored word (P-34). An event without sale start is upcoming
/// until its date has passed.
event_phase phase_at(const sale_window& sale, instant now);

/// The effective end of a sale: the given end, or the event's own date when that comes first.
instant effective_end(instant sale_end, instant event_date);

} // namespace tk
