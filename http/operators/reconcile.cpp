#include "http/operators/reconcile.hpp"

#include <optional>

#include <caf/all.hpp>

#include "http/api/audited.hpp"
#include "http/api/shop.hpp"
#include "http/json.hpp"
#include "http/operators/listener.hpp"
#include "supervisors/reply_once.hpp"

namespace tk::http {

namespace {

constexpr const char* request_schema =
  R"({"type":"object","properties":{"operationId":{"type":["string","null"],"format":"uuid"}}})";

constexpr const char* told_schema =
  R"({"type":"object","required":["changed","id","state","message"],"properties":{)"
  R"("changed":{"type":"boolean"},"id":{"type":"string","format":"uuid"},)"
  R"("state":{"type":"string","enum":["begun","under_way","done"]},)"
  R"("message":{"type":"string"}}})";

struct attempt {
  reconciliation_id id;
  note_admin_action note;
  std::optional<problem> refused;
};

attempt read_attempt(const exchange& x) {
  attempt out;
  auto operation = request_of(x);
  if (auto body = read_object(x.req())) {
    fields form{*body};
    operation = form.optional_uuid<request_id>("operationId").value_or(operation);
    out.refused = form.failed();
  } else {
    out.refused = body.error();
  }
  out.id = {operation.hi, operation.lo};
  out.note.admin = x.user();
  out.note.action = "RECONCILE";
  out.note.resource_type = "payments";
  out.note.resource = out.id.nil() ? "" : to_string(out.id);
  out.note.summary = x.who()->email + " (operation " + operation_of(operation) + ")";
  out.note.address = x.req().client;
  return out;
}

answer told(const reconcile_begun& x) {
  bool ours = x.is == run_begin::ours;
  const char* state = ours ? "begun" : x.is == run_begin::done ? "done" : "under_way";
  const char* words = ours                      ? "it compares now"
                      : x.is == run_begin::done ? "this one has been done"
                                                : "another one is under way";
  ordered out = {{"changed", ours}, {"id", to_string(x.id)}, {"state", state}, {"message", words}};
  return json_text(out.dump());
}

void on_reconcile(operator_desk& desk, const exchange_ptr& x) {
  auto of = read_attempt(*x);
  desk.pool.run([&desk, x, of](caf::event_based_actor* self) {
    if (of.refused)
      return note_and_answer(desk.brakes.store, self, x, of.note, error_answer(*of.refused));
    self->request(desk.reconciler, store_budget, reconcile_now{of.id, x->who()->email})
      .then(
        [&desk, self, x, of](const reconcile_begun& y) {
          note_and_answer(desk.brakes.store, self, x, of.note, told(y));
        },
        [&desk, self, x, of](caf::error& e) {
          note_and_answer(desk.brakes.store, self, x, of.note, error_answer(to_ec(e)));
        });
  });
}

} // namespace

void add_reconcile_routes(operator_desk& desk, std::vector<route>& out) {
  auto& to = out.emplace_back();
  to.verb = method::post;
  to.path = "/operator/reconcile";
  to.level = access::admin;
  to.name = "reconcile";
  to.summary = "Compares providers, payments, reservations and books now.";
  to.tag = "payments";
  to.request_schema = request_schema;
  to.response_schema = told_schema;
  to.run = [&desk](const exchange_ptr& x) { on_reconcile(desk, x); };
}

} // namespace tk::http
