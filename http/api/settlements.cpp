#include <caf/all.hpp>

#include "http/api/audited.hpp"
#include "http/api/shop.hpp"
#include "http/api/staff.hpp"
#include "http/api/staff_schemas.hpp"
#include "http/json.hpp"
#include "supervisors/reply_once.hpp"

namespace tk::http {

namespace {

using json = nlohmann::ordered_json;

constexpr size_t body_max = 4 << 20;
constexpr size_t differences_told_max = 1000;

json side_json(const settled_payment& x) {
  if (x.order_id.empty()) return nullptr;
  return {{"amount", x.amount}, {"refunded", x.refunded}};
}

answer taken(const settlement_taken& x) {
  if (!x.refused.empty()) return error_answer(problem{ec::bad_request, x.refused});
  json out = {{"changed", x.changed},
              {"message", x.changed ? "Settlement taken" : "Settlement was taken before"}};
  out["settlement"] = {{"id", to_string(x.id)},        {"provider", x.list.provider},
                       {"from", to_iso(*x.list.from)}, {"to", to_iso(*x.list.to)},
                       {"settledOn", x.settled_on},    {"payments", x.sums.payments},
                       {"amount", x.sums.amount},      {"refunded", x.sums.refunded},
                       {"fees", x.sums.fees},          {"paidOut", x.sums.paid_out()}};
  out["differencesTotal"] = x.differences.size();
  out["differences"] = json::array();
  for (size_t i = 0; i < std::min(x.differences.size(), differences_told_max); ++i) {
    auto& y = x.differences[i];
    out["differences"].push_back({{"orderId", y.order_id},
                                  {"is", to_string(y.is)},
                                  {"here", side_json(y.here)},
                                  {"there", side_json(y.there)}});
  }
  return json_text(out.dump(-1, ' ', false, json::error_handler_t::replace));
}

/// For the record: whose list, of when, and how it differs.
std::string summary_of(const settlement_taken& x) {
  if (!x.refused.empty()) return x.refused;
  return x.list.provider + ' ' + to_iso_z(*x.list.from) + " to " + to_iso_z(*x.list.to) + ": " +
         std::to_string(x.sums.payments) + " payments, " + std::to_string(x.differences.size()) +
         " differences";
}

void on_settlement(staff_desk& desk, const exchange_ptr& x) {
  note_admin_action note;
  note.admin = x->user();
  note.action = "TAKE_SETTLEMENT";
  note.resource_type = "settlement";
  note.address = x->req().client;
  auto wrong = check_media_type(x->req());
  desk.pool.run([&desk, x, note, wrong](caf::event_based_actor* self) {
    if (wrong) return note_and_answer(desk.store, self, x, note, error_answer(*wrong));
    self->request(desk.settlements, store_budget, take_settlement{x->req().body, x->user()})
      .then(
        [&desk, self, x, note](const settlement_taken& y) {
          auto what = note;
          if (y.refused.empty()) what.resource = to_string(y.id);
          what.summary = summary_of(y);
          note_and_answer(desk.store, self, x, std::move(what), taken(y));
        },
        [&desk, self, x, note](caf::error& e) {
          note_and_answer(desk.store, self, x, note, error_answer(to_ec(e)));
        });
  });
}

} // namespace

void add_settlement_routes(staff_desk& desk, std::vector<route>& out) {
  auto& to = out.emplace_back();
  to.verb = method::post;
  to.path = "/api/admin/settlements";
  to.level = access::admin;
  to.name = "takeSettlement";
  to.summary = "Takes what a provider says that it has settled of a time, in the place of what it "
               "said of it before, and tells how that differs from what is on record.";
  to.tag = "admin";
  to.request_schema = schemas::settlement_request;
  to.response_schema = schemas::settlement_response;
  to.errors = {ec::busy, ec::late, ec::unavailable, ec::unknown};
  to.body_limit = body_max;
  to.run = [&desk](const exchange_ptr& x) { on_settlement(desk, x); };
}

} // namespace tk::http
