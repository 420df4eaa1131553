#include "http/operators/placement.hpp"

#include <memory>
#include <optional>
#include <utility>

#include <caf/all.hpp>

#include "http/api/audited.hpp"
#include "http/api/shop.hpp"
#include "http/json.hpp"
#include "http/operators/keys.hpp"
#include "supervisors/reply_once.hpp"

namespace tk::http {

namespace {

constexpr size_t reason_max = 200, key_max = 120;
constexpr millis wish_budget{4000};

constexpr const char* told_schema =
  R"({"type":"object","required":["changed","shard","message"],"properties":{)"
  R"("changed":{"type":"boolean"},"shard":{"type":["integer","null"]},)"
  R"("message":{"type":"string"}}})";

/// What was asked for, as far as it can be read.
struct attempt {
  const char* action = ""; ///< In the audit log.
  placement_wish wish;
  bool back = false;           ///< It is taken back.
  std::optional<instant> seen; ///< What was said after it stays.
  std::string operation;
  std::optional<problem> refused;
};

std::string summary_of(const attempt& of, const std::string& who) {
  auto out = who + ": ";
  if (of.wish.what == wish_kind::drain && of.back) out += "un"; // As operators say it.
  out += to_string(of.wish.what);
  if (!of.wish.key.empty()) out += " of " + of.wish.key;
  if (of.wish.what == wish_kind::move) out += of.back ? " taken back" : " to the node";
  if (!of.wish.reason.empty()) out += ": " + of.wish.reason;
  return out + " (operation " + of.operation + ")";
}

note_admin_action note_of(const exchange& x, const attempt& of) {
  note_admin_action out;
  out.admin = x.user();
  out.action = of.action;
  out.resource_type = "node";
  out.resource = of.wish.node.nil() ? "" : to_string(of.wish.node);
  out.summary = summary_of(of, x.who()->email);
  out.address = x.req().client;
  return out;
}

const char* done_text(const attempt& of) {
  switch (of.wish.what) {
  case wish_kind::drain:
    return of.back ? "the node takes shards again: its share when no node has come or gone for a "
                     "while, or at once after a rebalance"
                   : "the node gives its shards to the others, and takes none until undrain";
  case wish_kind::move:
    return of.back ? "the shard may be moved for balance again"
                   : "the whole shard moves there, with all that lives in it, and stays there";
  case wish_kind::rebalance: break;
  }
  return "who has more than a fair share gives the rest";
}

const char* nothing_text(const attempt& of) {
  switch (of.wish.what) {
  case wish_kind::drain: return of.back ? "the node is not drained" : "the node is drained";
  case wish_kind::move:
    return of.back ? "the shard is not kept anywhere" : "the shard is that node's already";
  case wish_kind::rebalance: break;
  }
  return "that is under way, or there are no two nodes that take shards";
}

answer wish_answer(const attempt& of, wish_end is) {
  switch (is) {
  case wish_end::node_unknown:
    return error_answer(404, "NODE_UNKNOWN", "There is no such node on the roster");
  case wish_end::node_dead:
    return error_answer(409, "NODE_DEAD", "The node does not live: nothing can be given to it");
  case wish_end::node_drained:
    return error_answer(409, "NODE_DRAINED", "The node is being drained: it takes no shards");
  case wish_end::last_node:
    return error_answer(409, "LAST_NODE",
                        "No other node lives that takes shards: nobody would sell");
  case wish_end::taken_back:
    return error_answer(problem{ec::idempotency_conflict,
                                "This operation was done before, and was taken back since"});
  case wish_end::other: return error_answer(ec::idempotency_conflict);
  case wish_end::unseen:
    return error_answer(409, "NEWER_WISH", "It was said again after you had looked: it stays");
  case wish_end::done:
  case wish_end::nothing: break;
  }
  bool changed = is == wish_end::done;
  bool shard = of.wish.what == wish_kind::move;
  ordered out = {{"changed", changed},
                 {"shard", shard ? ordered(of.wish.shard) : ordered()},
                 {"message", changed ? done_text(of) : nothing_text(of)}};
  return json_text(out.dump());
}

void refuse_noted(operator_desk& desk, const exchange_ptr& x, const attempt& of,
                  const problem& why) {
  desk.pool.run([&desk, x, note = note_of(*x, of), why](caf::event_based_actor* self) {
    note_and_answer(desk.brakes.store, self, x, note, error_answer(why));
  });
}

template <class Change>
void send(operator_desk& desk, caf::event_based_actor* self, const exchange_ptr& x,
          const attempt& of, Change what) {
  auto note = note_of(*x, of);
  self->request(desk.placement, wish_budget, std::move(what))
    .then(
      [&desk, self, x, of, note](const wish_told& told) {
        note_and_answer(desk.brakes.store, self, x, note, wish_answer(of, told.is));
      },
      [&desk, self, x, note](caf::error& e) {
        note_and_answer(desk.brakes.store, self, x, note, error_answer(to_ec(e)));
      });
}

void put_on_record(operator_desk& desk, const exchange_ptr& x, const attempt& of) {
  desk.pool.run([&desk, x, of](caf::event_based_actor* self) {
    const wish_author by{x->user(), x->who()->email};
    if (of.back)
      send(desk, self, x, of, end_wish{of.wish.what, of.wish.node, of.wish.shard, by, of.seen});
    else send(desk, self, x, of, set_wish{of.wish, by});
  });
}

/// What all of them have.
attempt read_attempt(const exchange& x, const char* action, wish_kind what, bool back) {
  attempt out;
  out.action = action;
  out.wish.what = what;
  out.back = back;
  auto operation = request_of(x);
  if (auto body = read_object(x.req())) {
    fields form{*body};
    if (what == wish_kind::drain) out.wish.node = form.uuid<node_id>("node");
    if (what == wish_kind::move) {
      out.wish.key = form.text("key", key_max);
      out.wish.node = form.optional_uuid<node_id>("node").value_or(node_id{});
      out.back = form.missing("node");
    }
    out.seen = form.optional_time("asOf");
    out.wish.reason = form.optional_text("reason", reason_max).value_or("");
    operation = form.optional_uuid<request_id>("operationId").value_or(operation);
    bool nobody = what != wish_kind::rebalance && !out.back && out.wish.node.nil();
    if (nobody) form.refuse("node must name a node");
    out.refused = form.failed();
  } else {
    out.refused = body.error();
  }
  out.wish.id = wish_id{operation.hi, operation.lo};
  out.operation = operation_of(operation);
  return out;
}

void act(operator_desk& desk, const exchange_ptr& x, const attempt& of) {
  if (of.refused) return refuse_noted(desk, x, of, *of.refused);
  put_on_record(desk, x, of);
}

void on_drain(operator_desk& desk, const exchange_ptr& x) {
  act(desk, x, read_attempt(*x, "DRAIN_NODE", wish_kind::drain, false));
}

void on_undrain(operator_desk& desk, const exchange_ptr& x) {
  act(desk, x, read_attempt(*x, "UNDRAIN_NODE", wish_kind::drain, true));
}

void on_rebalance(operator_desk& desk, const exchange_ptr& x) {
  act(desk, x, read_attempt(*x, "REBALANCE_SHARDS", wish_kind::rebalance, false));
}

void on_move(operator_desk& desk, const exchange_ptr& x) {
  auto what = read_attempt(*x, "MOVE_SHARD", wish_kind::move, false);
  if (what.refused) return refuse_noted(desk, x, what, *what.refused);
  auto refused = [&desk, x, what](const problem& why) { refuse_noted(desk, x, what, why); };
  find_entity(
    desk, what.wish.key,
    [&desk, x, what](const entity_key& key) {
      auto known = what;
      known.wish.shard = shard_of(key);
      put_on_record(desk, x, known);
    },
    refused);
}

std::string schema_of(bool node, bool key) {
  std::string out = R"({"type":"object","required":[)";
  if (node) out += R"("node")";
  if (key) out += R"("key")";
  out += R"(],"properties":{)";
  if (node) out += R"("node":{"type":"string","format":"uuid"},)";
  if (key)
    out += R"("key":{"type":"string","maxLength":120},)"
           R"("node":{"type":["string","null"],"format":"uuid"},)";
  return out + R"("reason":{"type":["string","null"],"maxLength":200},)"
               R"("asOf":{"type":["string","null"],"format":"date-time"},)"
               R"("operationId":{"type":["string","null"],"format":"uuid"}}})";
}

} // namespace

void add_placement_routes(operator_desk& desk, std::vector<route>& out) {
  auto add = [&](const char* word, const char* name, const char* summary,
                 void (*run)(operator_desk&, const exchange_ptr&)) -> route& {
    auto& to = out.emplace_back();
    to.verb = method::post;
    to.path = std::string{"/operator/placement/"} + word;
    to.level = access::admin;
    to.name = name;
    to.summary = summary;
    to.tag = "placement";
    to.response_schema = told_schema;
    to.errors = {ec::idempotency_conflict};
    to.run = [&desk, run](const exchange_ptr& x) { run(desk, x); };
    return to;
  };
  add("drain", "drainNode", "The node gives all its shards away and takes none.", on_drain)
    .request_schema = schema_of(true, false);
  add("undrain", "undrainNode", "The node takes shards again.", on_undrain).request_schema =
    schema_of(true, false);
  add("rebalance", "rebalanceShards", "Evens out who has how many shards, once.", on_rebalance)
    .request_schema = schema_of(false, false);
  auto& move = add("move", "moveShard",
                   "Gives the shard of an entity to a node, where it stays; without a node it may "
                   "be moved for balance again.",
                   on_move);
  move.request_schema = schema_of(false, true);
  move.errors = {ec::seat_unknown, ec::reservation_unknown, ec::idempotency_conflict};
}

} // namespace tk::http
