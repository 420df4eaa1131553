#include "http/api/audited.hpp"

#include <memory>
#include <utility>

#include <caf/all.hpp>

#include "http/api/shop.hpp"
#include "supervisors/reply_once.hpp"

namespace tk::http {

std::string author_of(audience who, const exchange& x) {
  return who == audience::operators ? x.who()->email : "admin " + to_string(x.user());
}

std::string operation_of(const request_id& x) { return x.nil() ? "malformed" : to_string(x); }

void note_and_answer(const store_actor& store, caf::event_based_actor* self, const exchange_ptr& x,
                     note_admin_action what, answer out) {
  what.status = out.status;
  auto kept = std::make_shared<answer>(std::move(out));
  self->request(store, store_budget, std::move(what))
    .then([x, kept](const admin_action_noted&) { x->respond(std::move(*kept)); },
          [x](caf::error& e) { fail_without_rows(x, to_ec(e)); });
}

void fail_without_rows(const exchange_ptr& x, ec why) {
  bool operators = x->req().path.starts_with("/operator/");
  if (operators && why == ec::unavailable) x->fail({why, "PostgreSQL cannot be asked"});
  else x->fail(why);
}

void answer_audited(shop& s, caf::event_based_actor* self, const exchange_ptr& x,
                    const audited_action& how, answer out) {
  if (how.action.empty()) {
    x->respond(std::move(out));
    return;
  }
  note_admin_action what;
  what.admin = x->user();
  what.action = how.action;
  what.resource_type = "event";
  what.resource = x->param("eventId");
  what.summary = how.summary;
  what.address = x->req().client;
  note_and_answer(s.store, self, x, std::move(what), std::move(out));
}

} // namespace tk::http
