#include "actors/event/core.hpp"

#include <algorithm>

namespace tk {

event_phase phase_at(const sale_window& sale, instant now) {
  if (sale.cancelled) return event_phase::cancelled;
  if (now > sale.sale_end) return event_phase::ended;
  if (sale.sale_start == instant{} || now < sale.sale_start) return event_phase::upcoming;
  return event_phase::on_sale;
}

instant effective_end(instant sale_end, instant event_date) {
  return std::min(sale_end, event_date);
}

} // namespace tk
