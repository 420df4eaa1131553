#pragma once

#include <functional>
#include <string>
#include <vector>

#include <caf/fwd.hpp>

#include "http/api/audited.hpp"
#include "http/api/ingress.hpp"
#include "http/exchange.hpp"
#include "http/route.hpp"
#include "persistence/brakes/port.hpp"
#include "persistence/store/port.hpp"

/// Sales are stopped and go on again (G17): what buyers hear, and the routes of those who decide.
namespace tk::http {

struct shop;

/// What the routes work with; lives as long as their server.
struct brake_desk {
  brakes_actor rows;
  store_actor store; ///< For the audit log.
  brake_list& list;
  ingress_pool& pool;
};

/// `GET prefix`, `POST prefix/stop`, `POST prefix/resume`: the same for organisers and for
/// operators. Every attempt is on record, refused ones too, before its answer is given; to repeat
/// one does no harm.
void add_brake_routes(brake_desk& desk, const std::string& prefix, audience who,
                      std::vector<route>& out);

/// What a buyer hears: 503 with the reason.
answer stopped_answer(const sales_brake& why);

/// Whether new holds of an event are stopped; then it has been answered.
bool refuse_stopped_hold(shop& s, const exchange_ptr& x, const event_id& event);

/// Goes on unless the payment of a reservation is stopped: at all, by this method, or because its
/// event is. Which event that is, is looked for only while some event is stopped.
void unless_payment_stopped(shop& s, const exchange_ptr& x, reservation_id reservation,
                            const std::string& method, std::function<void()> then);

} // namespace tk::http
