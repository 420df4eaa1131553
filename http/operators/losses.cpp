#include "http/operators/losses.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <caf/all.hpp>

#include "http/api/audited.hpp"
#include "http/api/shop.hpp"
#include "http/json.hpp"
#include "http/operators/listener.hpp"
#include "supervisors/reply_once.hpp"

namespace tk::http {

namespace {

constexpr size_t reason_max = 200, key_max = 12;
constexpr size_t told_max = 1000; ///< In a look; the record has all of them.
constexpr std::array lane_names = {"sales0", "sales1", "queue", "accounts"};
static_assert(lane_names.size() == lane_count);

constexpr const char* request_schema =
  R"({"type":"object","required":["key","reason"],"properties":{)"
  R"("key":{"type":"string","maxLength":12},"reason":{"type":"string","maxLength":200},)"
  R"("operationId":{"type":["string","null"],"format":"uuid"}}})";

constexpr const char* told_schema =
  R"({"type":"object","required":["changed","missing","message"],"properties":{)"
  R"("changed":{"type":"boolean"},"missing":{"type":"integer"},"message":{"type":"string"}}})";

/// What is missing, the newest of each lane first; at most so many.
ordered missing_json(const loss_book::reports& reports, size_t most) {
  auto out = ordered::array();
  for (size_t lane = 0; lane < lane_count; ++lane)
    for (auto& x : reports[lane].missing)
      if (!reports[lane].suspicion.empty() && out.size() < most)
        out.push_back({{"what", x.what},
                       {"id", x.id},
                       {"answered_at", to_iso_z(x.at)},
                       {"lane", lane_names.at(lane)}});
  return out;
}

size_t missing_count(const loss_book::reports& reports) {
  size_t out = 0;
  for (auto& x : reports)
    if (!x.suspicion.empty()) out += x.missing.size();
  return out;
}

ordered lane_json(size_t lane, const loss_report& x) {
  const char* list = !x.looked ? "being made" : x.older_too ? "may be longer" : "complete";
  return {{"lane", lane_names.at(lane)},
          {"suspicion", x.suspicion},
          {"missing", x.missing.size()},
          {"list", list}};
}

std::string suspicions_of(const loss_book::reports& reports) {
  std::string out;
  for (size_t lane = 0; lane < lane_count; ++lane)
    if (auto& why = reports[lane].suspicion; !why.empty())
      out += (out.empty() ? "" : "; ") + (lane_names.at(lane) + (": " + why));
  return out;
}

struct attempt {
  request_id operation;
  std::string key, reason;
  std::optional<problem> refused;
};

attempt read_attempt(const exchange& x) {
  attempt out;
  out.operation = request_of(x);
  if (auto body = read_object(x.req())) {
    fields form{*body};
    out.key = form.text("key", key_max);
    out.reason = form.text("reason", reason_max);
    out.operation = form.optional_uuid<request_id>("operationId").value_or(out.operation);
    out.refused = form.failed();
  } else {
    out.refused = body.error();
  }
  return out;
}

note_admin_action note_of(const operator_desk& desk, const exchange& x, const attempt& of,
                          size_t missing) {
  note_admin_action out;
  out.admin = x.user();
  out.action = "ACCEPT_LOSS";
  out.resource_type = "node";
  out.resource = to_string(desk.losses.node);
  out.summary = x.who()->email + ": without " + std::to_string(missing) + " answered, key " +
                of.key + ": " + of.reason + " (operation " + operation_of(of.operation) + ")";
  out.address = x.req().client;
  return out;
}

answer done_answer(bool changed, size_t missing, const char* message) {
  return json_text(
    ordered{{"changed", changed}, {"missing", missing}, {"message", message}}.dump());
}

/// What keeps it from being accepted; none when nothing does.
std::optional<answer> refusal_of(const loss_book::reports& now, const attempt& of) {
  if (of.refused) return error_answer(*of.refused);
  if (!suspected(now)) return done_answer(false, 0, "this node misses nothing");
  if (!looked(now))
    return error_answer(409, "LOSS_UNKNOWN",
                        "This node is still looking for what is missing; look again");
  if (of.key != key_of(now))
    return error_answer(409, "LOSS_CHANGED",
                        "This key does not name what is missing now; look again");
  return std::nullopt;
}

note_accepted_loss record_of(const operator_desk& desk, const exchange& x, const attempt& of,
                             const loss_book::reports& now) {
  note_accepted_loss out;
  out.id = of.operation;
  out.node = desk.losses.node;
  out.key = of.key;
  out.suspicion = suspicions_of(now);
  out.missing = missing_json(now, missing_count(now)).dump();
  out.more = std::ranges::any_of(now, [](auto& lane) { return lane.older_too; });
  out.reason = of.reason;
  out.by = x.user();
  out.by_name = x.who()->email;
  return out;
}

/// First the record of what is missing, then the audit log, then the answer, then the end.
void accept(operator_desk& desk, caf::event_based_actor* self, const exchange_ptr& x,
            const note_accepted_loss& what, const note_admin_action& note, size_t missing) {
  auto fail = [x](caf::error& e) { fail_without_rows(x, to_ec(e)); };
  self->request(desk.losses.record, store_budget, what)
    .then(
      [&desk, self, x, note, missing, fail](const accepted_loss_noted&) {
        auto told = note;
        told.status = 200;
        self->request(desk.brakes.store, store_budget, told)
          .then(
            [&desk, x, missing](const admin_action_noted&) {
              x->respond(done_answer(true, missing,
                                     "accepted; the node ends now, and forgets what is gone when "
                                     "it starts again"));
              desk.losses.start_anew();
            },
            fail);
      },
      [&desk, self, x, note](caf::error& e) {
        note_and_answer(desk.brakes.store, self, x, note, error_answer(to_ec(e)));
      });
}

void on_accept(operator_desk& desk, const exchange_ptr& x) {
  auto now = desk.losses.book->read();
  auto of = read_attempt(*x);
  auto missing = missing_count(now);
  auto note = note_of(desk, *x, of, missing);
  auto refused = refusal_of(now, of);
  auto record = record_of(desk, *x, of, now);
  desk.pool.run(
    [&desk, x, refused, record = std::move(record), note, missing](caf::event_based_actor* self) {
      if (refused) note_and_answer(desk.brakes.store, self, x, note, *refused);
      else accept(desk, self, x, record, note, missing);
    });
}

} // namespace

told_part losses_memory(const loss_book& book, instant now) {
  auto reports = book.read();
  ordered data = {
    {"loss", suspected(reports) ? "suspected" : "none"},
    {"key", looked(reports) && suspected(reports) ? ordered(key_of(reports)) : ordered()},
    {"missing_in_all", missing_count(reports)}};
  if (suspected(reports)) {
    auto lanes = ordered::array();
    for (size_t lane = 0; lane < lane_count; ++lane)
      if (!reports[lane].suspicion.empty()) lanes.push_back(lane_json(lane, reports[lane]));
    data["lanes"] = std::move(lanes);
    data["missing"] = missing_json(reports, told_max);
  }
  return {"memory", now, std::move(data)};
}

void add_loss_routes(operator_desk& desk, std::vector<route>& out) {
  auto& to = out.emplace_back();
  to.verb = method::post;
  to.path = "/operator/losses/accept";
  to.level = access::admin;
  to.name = "acceptLoss";
  to.summary = "Goes on without what a fail-over has lost: the node ends, to be started anew.";
  to.tag = "ledger";
  to.request_schema = request_schema;
  to.response_schema = told_schema;
  to.other_codes = {{409, "LOSS_UNKNOWN"}, {409, "LOSS_CHANGED"}};
  to.run = [&desk](const exchange_ptr& x) { on_accept(desk, x); };
}

} // namespace tk::http
