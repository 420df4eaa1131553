#include <caf/all.hpp>

#include "http/operators/attempts.hpp"
#include "http/operators/keys.hpp"
#include "http/operators/listener.hpp"
#include "http/operators/placement.hpp"
#include "http/operators/reconcile.hpp"
#include "supervisors/reply_once.hpp"

/// What operators may ask. Every answer has the shape of `told`: what this node knows by itself is
/// told at once, rows are added when PostgreSQL answers in time, and named as missing when not.
namespace tk::http {

namespace {

constexpr const char* told_schema =
  R"({"type":"object","required":["node","at","parts","missing","notes"],"properties":{)"
  R"("node":{"type":"string"},"at":{"type":"string","format":"date-time"},)"
  R"("parts":{"type":"array","items":{"type":"object","required":["from","as_of","age_ms","data"],)"
  R"("properties":{"from":{"type":"string","enum":["memory","board","rows"]},)"
  R"("as_of":{"type":"string","format":"date-time"},"age_ms":{"type":"integer","minimum":0},)"
  R"("data":{"type":"object"}}}},)"
  R"("missing":{"type":"array","items":{"type":"object","required":["what","why"]}},)"
  R"("notes":{"type":"array","items":{"type":"string"}}}})";

void tell(const operator_desk& desk, const exchange_ptr& x, const told& what) {
  x->respond(json_text(told_json(what, desk.node_name, desk.node.clock->now())));
}

/// What is asked of the rows for a request.
struct rows_wanted {
  operator_question what = operator_question::nodes;
  uint64_t hi = 0, lo = 0;
  const char* name = "rows";      ///< In `missing`.
  ec unknown = ec::route_unknown; ///< When there is no such row.
  int32_t block = 0;              ///< Of an event, when the question is about one.
};

const char* why_missing(ec x) {
  return x == ec::unknown || x == ec::late ? "PostgreSQL did not answer in time"
         : x == ec::busy                   ? "too many operators look at once"
                                           : "PostgreSQL cannot be asked";
}

/// There is no such row. What was only tried has none, and a node can know of it all the same.
void tell_without_rows(operator_desk& desk, const exchange_ptr& x, told& so_far, ec unknown) {
  if (!tells_of_attempts(so_far)) {
    x->fail(unknown);
    return;
  }
  so_far.notes.emplace_back("nothing of it is on record: what was tried has come to nothing");
  tell(desk, x, so_far);
}

/// Tells `so_far` and the rows. Without rows it tells what there is and what is missing.
void tell_with_rows(operator_desk& desk, const exchange_ptr& x, told so_far,
                    const rows_wanted& wanted) {
  auto kept = std::make_shared<told>(std::move(so_far));
  desk.pool.run([&desk, x, kept, wanted](caf::event_based_actor* self) {
    self->request(desk.rows, rows_budget, ask_rows{wanted.what, wanted.hi, wanted.lo, wanted.block})
      .then(
        [&desk, x, kept, wanted](const rows_told& rows) {
          if (!rows.found) {
            tell_without_rows(desk, x, *kept, wanted.unknown);
            return;
          }
          auto data = ordered::parse(rows.json, nullptr, false);
          kept->parts.push_back({"rows", rows.as_of, std::move(data)});
          tell(desk, x, *kept);
        },
        [&desk, x, kept, wanted](caf::error& e) {
          kept->missing.push_back({wanted.name, why_missing(to_ec(e))});
          tell(desk, x, *kept);
        });
  });
}

template <class Id> rows_wanted about(operator_question what, const Id& id, ec unknown) {
  return {what, id.hi, id.lo, "rows", unknown, 0};
}

void on_nodes(operator_desk& desk, const exchange_ptr& x) {
  auto uptime = (desk.node.clock->now() - desk.started_at).count();
  tell_with_rows(desk, x, {{node_memory(desk.node, uptime)}, {}, {}},
                 {operator_question::nodes, 0, 0, "roster", ec::internal, 0});
}

/// What a node that does not hear the roster cannot know about owners.
std::vector<told_gap> gaps_of_roster(const node_context& node) {
  if (!node.suspended) return {};
  return {{"the roster", "this node has not heard it for 2.5 s or longer: owners may be others"}};
}

void on_shards(operator_desk& desk, const exchange_ptr& x) {
  tell_with_rows(desk, x,
                 {{shards_memory(desk.node, desk.node_name)}, gaps_of_roster(desk.node), {}},
                 {operator_question::shards, 0, 0, "owners on record", ec::internal, 0});
}

void on_where(operator_desk& desk, const exchange_ptr& x) {
  find_entity(
    desk, std::string{x->param("key")},
    [&desk, x](const entity_key& key) {
      tell(desk, x,
           {{where_memory(desk.node, desk.node_name, key)}, gaps_of_roster(desk.node), {}});
    },
    [x](const problem& why) { x->fail(why); });
}

/// The last steps on record of what an entity decides about; none of those kinds that decide about
/// nothing that the history knows.
std::optional<rows_wanted> steps_of(const entity_key& key) {
  using enum operator_question;
  rows_wanted out{last_steps_of_event, key.hi, key.lo, "last verdicts on record", ec::internal, 0};
  switch (key.kind) {
  case entity_kind::session: out.what = last_steps_of_user; return out;
  case entity_kind::checkout: out.what = last_steps_of_reservation; return out;
  case entity_kind::event: return out;
  case entity_kind::seat_block:
    out.what = last_steps_of_block;
    out.block = key.block_no;
    return out;
  case entity_kind::waiting_room:
  case entity_kind::gate: break;
  }
  return std::nullopt;
}

void tell_actor(operator_desk& desk, const exchange_ptr& x, const entity_key& key, told out) {
  if (auto board = board_of(*desk.node.boards, key)) out.parts.push_back(std::move(*board));
  out.notes.emplace_back("messages waiting are those that wait for it to start, to stop or to "
                         "move; in its mailbox is what it has not begun");
  if (auto steps = steps_of(key)) {
    out.notes.emplace_back("verdicts are told as far as they changed something on record; what was "
                           "refused of a seat or a reservation is told by `why`");
    return tell_with_rows(desk, x, std::move(out), *steps);
  }
  out.notes.emplace_back("verdicts of rooms and gates are not kept one by one");
  tell(desk, x, out);
}

constexpr millis look_budget{1000};

/// A region that does not tell of the mailbox has told the rest.
void tell_mailbox(operator_desk& desk, caf::event_based_actor* self, const exchange_ptr& x,
                  const entity_key& key, const entity_look& look) {
  auto told_all = [&desk, x, key, look](const mailbox_look& mailbox,
                                        std::vector<told_gap> missing) {
    auto part = actor_memory(desk.node, desk.node_name, key, look, mailbox);
    tell_actor(desk, x, key, {{std::move(part)}, std::move(missing), {}});
  };
  self->request(desk.node.region, look_budget, look_into_mailbox{key})
    .then([told_all](const mailbox_look& mailbox) { told_all(mailbox, {}); },
          [told_all](caf::error&) {
            told_all({}, {{"mailbox", "the region of this node did not answer in time"}});
          });
}

void on_actor(operator_desk& desk, const exchange_ptr& x) {
  auto found = [&desk, x](const entity_key& key) {
    desk.pool.run([&desk, x, key](caf::event_based_actor* self) {
      self->request(desk.node.region, look_budget, look_at_entity{key})
        .then([&desk, self, x,
               key](const entity_look& look) { tell_mailbox(desk, self, x, key, look); },
              [&desk, x, key](caf::error&) {
                tell_actor(desk, x, key,
                           {{where_memory(desk.node, desk.node_name, key)},
                            {{"state", "the region of this node did not answer in time"}},
                            {}});
              });
    });
  };
  find_entity(desk, std::string{x->param("key")}, found, [x](const problem& why) { x->fail(why); });
}

void on_placement(operator_desk& desk, const exchange_ptr& x) {
  tell_with_rows(desk, x, {}, {operator_question::placement, 0, 0, "wishes", ec::internal, 0});
}

void on_event(operator_desk& desk, const exchange_ptr& x) {
  auto event = x->id_param<event_id>("id");
  told out;
  if (auto board = event_boards(*desk.node.boards, event)) out.parts.push_back(std::move(*board));
  else out.notes.emplace_back("this node has heard of no seats of this event since its start");
  if (auto room = room_board_of(*desk.node.boards, event)) {
    room->data = {{"queue", std::move(room->data)}};
    out.parts.push_back(std::move(*room));
  }
  tell_with_rows(desk, x, std::move(out),
                 about(operator_question::event, event, ec::event_unknown));
}

void on_queue(operator_desk& desk, const exchange_ptr& x) {
  auto event = x->id_param<event_id>("id");
  told out;
  if (auto room = room_board_of(*desk.node.boards, event)) out.parts.push_back(std::move(*room));
  else out.notes.emplace_back("no room of this event is awake, as far as this node has heard");
  out.notes.emplace_back("how many wait is known to the room and its board alone; the rows tell "
                         "who was let in");
  tell_with_rows(desk, x, std::move(out),
                 about(operator_question::queue, event, ec::event_unknown));
}

void on_holds(operator_desk& desk, const exchange_ptr& x) {
  auto event = x->id_param<event_id>("id");
  tell_with_rows(desk, x,
                 {{},
                  {},
                  {"claims that are not on record yet live in their block for at most 3 s "
                   "and are not told"}},
                 about(operator_question::holds, event, ec::event_unknown));
}

void on_user(operator_desk& desk, const exchange_ptr& x) {
  auto user = x->id_param<user_id>("id");
  tell_with_rows(desk, x,
                 {{where_memory(desk.node, desk.node_name, key_of(user))},
                  {},
                  {"personal data and sessions are "
                   "not shown to operators"}},
                 about(operator_question::user, user, ec::route_unknown));
}

void on_reservation(operator_desk& desk, const exchange_ptr& x) {
  auto id = x->id_param<reservation_id>("id");
  tell_with_rows(desk, x, {}, about(operator_question::reservation, id, ec::reservation_unknown));
}

void on_why_reservation(operator_desk& desk, const exchange_ptr& x) {
  auto id = x->id_param<reservation_id>("id");
  tell_with_rows(desk, x, attempts_told(desk.node, attempts_of_reservation(desk.node, id)),
                 about(operator_question::why_reservation, id, ec::reservation_unknown));
}

void on_why_seat(operator_desk& desk, const exchange_ptr& x) {
  auto id = x->id_param<seat_id>("id");
  tell_with_rows(desk, x, attempts_told(desk.node, attempts_of_seat(desk.node, id)),
                 about(operator_question::why_seat, id, ec::seat_unknown));
}

void on_ledger(operator_desk& desk, const exchange_ptr& x) {
  tell(desk, x,
       {{ledger_memory(desk.node, desk.ledger, desk.upkeep)},
        {},
        {"counted since the start of this node; the outbox is measured every 10 s"}});
}

void on_outbox(operator_desk& desk, const exchange_ptr& x) {
  tell_with_rows(desk, x,
                 {{relay_memory(desk.node, desk.relay)},
                  {},
                  {"a row waits for its shard's owner, for every transaction that began to write "
                   "before it (held_back), and for a refused row in front of it"}},
                 {operator_question::outbox, 0, 0, "what waits", ec::internal, 0});
}

void on_reconciliations(operator_desk& desk, const exchange_ptr& x) {
  tell_with_rows(desk, x,
                 {{},
                  {},
                  {"what a provider or the rows say otherwise is a case: open ones stay until they "
                   "are repaired or a person closes them"}},
                 {operator_question::reconciliations, 0, 0, "runs and cases", ec::internal, 0});
}

void on_hot(operator_desk& desk, const exchange_ptr& x) {
  tell_with_rows(desk, x,
                 {{}, {}, {"what is on record; refused attempts are in the metrics of each node"}},
                 {operator_question::hot, 0, 0, "the last minute", ec::internal, 0});
}

void on_brakes(operator_desk& desk, const exchange_ptr& x) {
  tell(desk, x, {{brakes_memory(desk.brakes.list)}, {}, {}});
}

void on_losses(operator_desk& desk, const exchange_ptr& x) {
  tell(desk, x,
       {{losses_memory(*desk.losses.book, desk.node.clock->now())},
        {},
        {"a lane looks when it has lost something that it had answered since the node's start; it "
         "keeps the last 10 min, at most 20,000"}});
}

void on_notices(operator_desk& desk, const exchange_ptr& x) {
  tell(desk, x,
       {{notices_memory(desk.notices.board, desk.node.clock->now())},
        {},
        {"pages look every 5 s; a notice that was written at another node is here within 2 s"}});
}

using asked_by = void (*)(operator_desk&, const exchange_ptr&);

struct row {
  const char* path;
  const char* name;
  const char* summary;
  asked_by run;
  std::vector<ec> errors;
};

std::vector<row> table() {
  return {
    {"/operator/nodes", "nodes", "This node, and the roster.", on_nodes, {}},
    {"/operator/shards", "shards", "Who owns which shard, in which epoch.", on_shards, {}},
    {"/operator/where/{key:str}",
     "where",
     "Where an entity lives.",
     on_where,
     {ec::seat_unknown, ec::reservation_unknown, ec::unknown}},
    {"/operator/actors/{key:str}",
     "actor",
     "How an entity is, and what it decided last.",
     on_actor,
     {ec::seat_unknown, ec::reservation_unknown, ec::unknown}},
    {"/operator/events/{id}",
     "event",
     "Blocks, rate and room of an event.",
     on_event,
     {ec::event_unknown}},
    {"/operator/queues/{id}",
     "queue",
     "The waiting room of an event.",
     on_queue,
     {ec::event_unknown}},
    {"/operator/holds/{id}",
     "holds",
     "Pending reservations of an event.",
     on_holds,
     {ec::event_unknown}},
    {"/operator/users/{id}", "user", "What a user holds and paid.", on_user, {ec::route_unknown}},
    {"/operator/reservations/{id}",
     "reservation",
     "A reservation with all that belongs to it.",
     on_reservation,
     {ec::reservation_unknown}},
    {"/operator/why/reservations/{id}",
     "whyReservation",
     "Everything on record about it.",
     on_why_reservation,
     {ec::reservation_unknown}},
    {"/operator/why/seats/{id}",
     "whySeat",
     "Everything on record about it.",
     on_why_seat,
     {ec::seat_unknown}},
    {"/operator/ledger",
     "ledger",
     "Batches, lag, verdicts and aborts of this node.",
     on_ledger,
     {}},
    {"/operator/outbox", "outbox", "Domain events that wait, and what relays do.", on_outbox, {}},
    {"/operator/brakes", "brakes", "What of the shop is stopped, and why.", on_brakes, {}},
    {"/operator/losses", "losses", "What was answered and is not there.", on_losses, {}},
    {"/operator/notices", "notices", "What buyers are told on every page.", on_notices, {}},
    {"/operator/placement",
     "placement",
     "What operators wish of who owns which shards, and how far it has come.",
     on_placement,
     {}},
    {"/operator/reconciliations",
     "reconciliations",
     "The last reconciliations, and the cases that are open.",
     on_reconciliations,
     {}},
    {"/operator/hot", "hot", "Where most happened in the last minute.", on_hot, {}},
  };
}

} // namespace

std::vector<route> operator_routes(operator_desk& desk) {
  std::vector<route> out;
  auto rows = table();
  out.reserve(rows.size());
  for (auto& x : rows) {
    auto& to = out.emplace_back();
    to.path = x.path;
    to.level = access::user;
    to.name = x.name;
    to.summary = x.summary;
    to.tag = "operators";
    to.response_schema = told_schema;
    to.errors = x.errors;
    to.run = [&desk, run = x.run](const exchange_ptr& e) { run(desk, e); };
  }
  add_brake_routes(desk.brakes, "/operator/sales", audience::operators, out);
  add_notice_routes(desk.notices, "/operator/notices", audience::operators, out);
  add_case_routes(desk.cases, "/operator/cases", audience::operators, out);
  add_placement_routes(desk, out);
  add_loss_routes(desk, out);
  add_reconcile_routes(desk, out);
  return out;
}

} // namespace tk::http
