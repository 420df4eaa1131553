#include "supervisors/link.hpp"
#include "supervisors/link_figures.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <caf/all.hpp>

#include "actors/base/mutants.hpp"
#include "actors/checkout/port.hpp"
#include "actors/event/port.hpp"
#include "actors/gate/port.hpp"
#include "actors/registry.hpp"
#include "actors/seat_block/port.hpp"
#include "actors/session/port.hpp"
#include "actors/waiting_room/port.hpp"
#include "supervisors/boards.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/router.hpp"
#include "supervisors/spreader.hpp"

namespace tk {

namespace {

/// A board that took longer on its way is of no use.
constexpr millis board_life{10'000};

// -- frames ---------------------------------------------------------------------------------------

/// The first part of every frame. `no` = 0: nobody waits for an answer.
struct head {
  int64_t life = 0; ///< Of who asks.
  uint64_t no = 0;
};

/// An envelope goes field by field: as a whole CAF would skip it, because it is marked as a message
/// that never leaves its node.
template <class... Ts> link_frame encode(caf::actor_system& system, Ts&&... xs) {
  link_frame out;
  caf::binary_serializer sink{system, out.bytes};
  if (auto wrong = sink(xs...)) CAF_RAISE_ERROR("a message cannot be encoded");
  return out;
}

/// What comes behind the body of a request, for those who read it. Field by field, too.
link_frame encode_request(caf::actor_system& system, const head& h, envelope& x, bool traced) {
  auto& t = x.trace;
  if (traced && !t.none())
    return encode(system, h.life, h.no, x.key, x.deadline, x.body, t.hi, t.lo, t.span, t.sampled);
  return encode(system, h.life, h.no, x.key, x.deadline, x.body);
}

/// `source(x)` would call an unknown type an empty message, without an error (0.17.6).
caf::error read_body(caf::message& x, caf::binary_deserializer& source) {
  auto wrong = x.load(source);
  if (!wrong && source.remaining() > 0) return caf::sec::invalid_argument;
  return wrong;
}

caf::error read_traced_body(envelope& x, caf::binary_deserializer& source) {
  auto wrong = x.body.load(source);
  auto& t = x.trace;
  if (!wrong && source.remaining() > 0) wrong = source(t.hi, t.lo, t.span, t.sampled);
  if (!wrong && source.remaining() > 0) return caf::sec::invalid_argument;
  return wrong;
}

/// The type of what is in a message, in words that last as long as the actor system.
std::string_view name_of(caf::actor_system& system, const caf::message& x) {
  if (x.empty()) return "nothing";
  std::string_view out = system.types().portable_name(x.type(0));
  return out.substr(out.rfind(':') + 1);
}

// -- the near end ---------------------------------------------------------------------------------

struct link_state {
  static inline const char* name = "tk.link";
  node_context* node = nullptr;
  link_probe* probe = nullptr;
  link_settings settings;
  link_figures* own = nullptr; ///< Null: nobody looks at them.
  int64_t life = 0;
  frame_path_ptr path;
  bool traces = false; ///< Whoever is at its end reads them.
  uint64_t last = 0;
  struct request {
    caf::response_promise reply;
    instant sent_at;
    envelope what; ///< Is asked elsewhere when the other node has it no more.
  };
  std::map<uint64_t, request> open;
  std::set<std::pair<instant, uint64_t>> due; ///< When to give up which; may name answered ones.
  std::map<entity_key, caf::message> boards;  ///< For which there was no room.
  bool looking = false;
  link_state() = default;
  link_state(const link_state&) = delete;
  link_state& operator=(const link_state&) = delete;
  /// Whoever still waits when the link ends hears so at once.
  ~link_state() { fail_open(); }
  /// For all links, and for this one.
  void count(std::atomic<uint64_t> link_probe::*all, std::atomic<uint64_t> link_figures::*one,
             uint64_t n = 1) const {
    probe->*all += n;
    if (own) own->*one += n;
  }
  void count_open(int64_t more) const {
    probe->open += more;
    if (own) own->open += more;
  }
  void count_sent(size_t bytes) const {
    if (own) own->bytes_sent += bytes;
  }
  void count_answer(size_t bytes, instant asked_at) const {
    if (!own) return;
    own->bytes_heard += bytes;
    auto took =
      std::max<int64_t>((node->clock->now() - asked_at).count(), 0); // It may be set back.
    own->answer_ms += static_cast<uint64_t>(took);
  }
  void fail_open(ec why = ec::unknown) {
    if (open.empty()) return;
    count(&link_probe::unknown, &link_figures::unknown, open.size());
    count_open(-static_cast<int64_t>(open.size()));
    for (auto& [no, x] : std::exchange(open, {})) x.reply.deliver(make_error(why));
    due.clear();
  }
  /// Whoever chooses a way sees at once whether this one stands.
  void set_path(frame_path_ptr x) {
    path = std::move(x);
    boards.clear();
    if (settings.slot < peer_table::links_max) node->peers.up.at(settings.slot) = path != nullptr;
  }
};

using link_ptr = caf::stateful_actor<link_state>*;

/// Takes a request out of the open ones; none when nobody waits for it any more.
std::optional<link_state::request> close(link_ptr self, uint64_t no) {
  auto& st = self->state;
  auto i = st.open.find(no);
  if (i == st.open.end()) return std::nullopt;
  auto out = std::move(i->second);
  st.open.erase(i);
  st.count_open(-1);
  return out;
}

/// Nothing was begun, so it may be asked elsewhere. The other node was its owner in the epoch that
/// was known when it was sent.
void ask_elsewhere(link_ptr self, link_state::request& x) {
  auto& node = *self->state.node;
  if (!node.router) return x.reply.deliver(make_error(ec::unavailable));
  x.reply.delegate(node.router, std::move(x.what));
}

void on_answer(link_ptr self, const link_frame& x) {
  auto& st = self->state;
  head h;
  uint8_t why = 0;
  caf::binary_deserializer source{self->system(), x.bytes};
  if (auto wrong = source(h.life, h.no, why)) {
    ++st.probe->refused;
    if (st.path) st.path->cut("its answers have no head");
    return;
  }
  if (h.life != st.life) return; // For an earlier life of this node, which had the same numbers.
  auto open = close(self, h.no);
  if (!open) return;
  auto& to = open->reply;
  st.count_answer(x.bytes.size(), open->sent_at);
  caf::message body;
  auto is = static_cast<ec>(why);
  if (is == ec::moved && !mutant("moved_is_no")) { // Planted: whoever asked hears that it failed.
    st.count(&link_probe::moved, &link_figures::moved);
    ask_elsewhere(self, *open);
  } else if (is != ec::ok) {
    to.deliver(make_error(is));
  } else if (auto wrong = read_body(body, source)) { // It happened, and nobody knows what.
    ++st.probe->refused;
    to.deliver(make_error(ec::unknown));
  } else {
    st.count(&link_probe::answered, &link_figures::answered);
    to.deliver(std::move(body));
  }
}

void look_later(link_ptr self) {
  auto& st = self->state;
  if (!std::exchange(st.looking, true))
    self->delayed_send(self, st.settings.look_interval, atom::tick_v);
}

void look_for_late_ones(link_ptr self) {
  auto& st = self->state;
  auto now = st.node->clock->now();
  while (!st.due.empty() && st.due.begin()->first <= now) {
    auto no = st.due.begin()->second;
    st.due.erase(st.due.begin());
    auto open = close(self, no);
    if (!open) continue;
    st.count(&link_probe::unknown, &link_figures::unknown);
    if (mutant("link_resends_late")) { // Planted: as if nothing had been begun.
      ask_elsewhere(self, *open);
      continue;
    }
    open->reply.deliver(make_error(ec::unknown));
  }
}

/// What was open is answered at once: it was sent, and its answer has no way back (H-05).
void on_lost(link_ptr self) {
  auto& st = self->state;
  st.set_path(nullptr);
  if (mutant("link_forgets_open_requests")) { // Nobody ever answers them.
    st.open.clear();
    return st.due.clear();
  }
  // As if nothing had been sent.
  st.fail_open(mutant("link_calls_sent_unsent") ? ec::unavailable : ec::unknown);
}

caf::result<caf::message> on_envelope(link_ptr self, envelope& x) {
  auto& st = self->state;
  bool waits = self->current_message_id().is_request();
  const auto now = st.node->clock->now();
  if (x.deadline < now) return make_error(ec::late);
  if (waits && st.open.size() >= st.settings.open_max) return make_error(ec::busy);
  uint64_t no = waits ? ++st.last : 0;
  auto out = encode_request(self->system(), {st.life, no}, x, st.traces);
  out.about = name_of(self->system(), x.body);
  const auto size = out.bytes.size();
  x.moved_epoch = st.node->peers.epochs[shard_of(x.key)].load(std::memory_order_relaxed);
  ++x.tries;
  if (!st.path || !st.path->send(std::move(out))) {
    st.count(&link_probe::unreachable, &link_figures::unreachable);
    // Too much waits for this connection already: more would only wait elsewhere.
    if (st.path || !st.node->router) return make_error(ec::unavailable);
    return self->delegate(st.node->router, std::move(x));
  }
  st.count_sent(size);
  if (!waits) {
    ++st.probe->told;
    return caf::message{};
  }
  st.count(&link_probe::asked, &link_figures::asked);
  st.count_open(1);
  st.due.emplace(x.deadline + st.settings.patience, no);
  st.open.emplace(no, link_state::request{self->make_response_promise(), now, std::move(x)});
  look_later(self);
  return caf::delegated<caf::message>{};
}

bool send_board(link_ptr self, const entity_key& key, const caf::message& board) {
  auto& st = self->state;
  auto until = st.node->clock->now() + board_life;
  auto out = encode(self->system(), st.life, uint64_t{0}, key, until, board);
  out.about = name_of(self->system(), board);
  const auto size = out.bytes.size();
  if (!st.path->send(std::move(out))) return false;
  ++st.probe->boards;
  st.count_sent(size);
  return true;
}

/// The newest of each is kept until there is room for it: whoever reads slowly sees fewer of them.
void send_boards(link_ptr self) {
  auto& waiting = self->state.boards;
  while (!waiting.empty() && send_board(self, waiting.begin()->first, waiting.begin()->second))
    waiting.erase(waiting.begin());
}

void on_board(link_ptr self, const board_frame& x) {
  auto& st = self->state;
  if (!st.path) return; // All are told when it stands.
  st.boards.insert_or_assign(x.key, x.board);
  send_boards(self);
  if (!st.boards.empty()) look_later(self);
}

void on_tick(link_ptr self) {
  auto& st = self->state;
  st.looking = false;
  look_for_late_ones(self);
  if (st.path) send_boards(self);
  if (!st.due.empty() || !st.boards.empty()) look_later(self);
}

caf::behavior link(link_ptr self, node_context* node, link_probe* probe, int64_t life,
                   link_settings settings, link_figures* own) {
  auto& st = self->state;
  st.node = node;
  st.probe = probe;
  st.life = life;
  st.settings = settings;
  // No two links of a life have a number in common: an answer that strays is nobody's.
  st.last = static_cast<uint64_t>(settings.slot) << 40;
  st.own = own;
  if (own) own->window = settings.open_max;
  return {
    [=](envelope& x) { return on_envelope(self, x); },
    [=](const answer_frame& x) { on_answer(self, x.what); },
    [=](const board_frame& x) { on_board(self, x); },
    [=](const link_up& x) {
      on_lost(self);
      self->state.set_path(x.path);
      self->state.traces = x.traces;
      auto& to = self->state.node->spreader;
      if (to) self->send(to, peer_up{self->state.settings.slot});
    },
    [=](link_down) { on_lost(self); },
    [=](atom::tick) { on_tick(self); },
  };
}

// -- the far end ----------------------------------------------------------------------------------

template <class... Ts> struct types {};

/// Whatever an entity may answer: CAF matches answers by type, so all are named.
using answers =
  types<hold_reply, claim_reply, release_reply, hold_changed, block_awake, payment_reply,
        checkout_awake, family_started, family_started_v2, family_rotated, sessions_ended,
        all_revoked, event_board, queue_reply, waiter_found, queue_left, queue_report, room_board,
        assigned_position, gate_report, gate_board>;

template <class X, class... Ts> constexpr bool is_one_of(types<Ts...>) {
  return (std::is_same_v<X, Ts> || ...);
}
template <class... Out> constexpr bool all_named(caf::detail::type_list<Out...>) {
  return (
    (std::is_same_v<Out, void> || std::is_same_v<Out, passivation> || is_one_of<Out>(answers{})) &&
    ...);
}
template <class... In, class... Out>
constexpr bool all_named_of(
  caf::typed_mpi<caf::detail::type_list<In...>, caf::output_tuple<Out...>>) {
  return all_named(caf::detail::type_list<Out...>{});
}
template <class... Clauses> constexpr bool all_clauses(caf::detail::type_list<Clauses...>) {
  return (all_named_of(Clauses{}) && ...);
}
/// Every answer of an entity's port can go back; what the region itself asks never leaves a node.
template <class Port> constexpr bool can_answer = all_clauses(typename Port::signatures{});
static_assert(can_answer<seat_block_actor> && can_answer<checkout_actor> &&
              can_answer<session_actor> && can_answer<event_actor> &&
              can_answer<waiting_room_actor> && can_answer<gate_actor>);

struct door_state {
  static inline const char* name = "tk.door";
  node_context* node = nullptr;
  link_probe* probe = nullptr;
};
using door_ptr = caf::stateful_actor<door_state>*;

/// Whom to answer; its place is held until then.
struct asker {
  head h;
  frame_path_ptr back;
  frame_place place;
};

/// Too much on the way back, or no way: the asker's link has failed the request, or will.
void send_back(door_ptr self, const asker& to, ec why, const caf::message& body) {
  auto out = encode(self->system(), to.h.life, to.h.no, static_cast<uint8_t>(why), body);
  out.about = why == ec::ok ? name_of(self->system(), body) : to_string(why);
  to.back->send(std::move(out));
}

template <class... Ts>
caf::behavior handlers(door_ptr self, const std::shared_ptr<asker>& to, types<Ts...>) {
  return {
    [=](Ts& x) { send_back(self, *to, ec::ok, caf::make_message(std::move(x))); }...,
    [=](caf::error& x) { send_back(self, *to, to_ec(x), {}); },
  };
}

/// Boards are for whoever shows them, not for an entity.
bool hear_board(board_store& into, const caf::message& x) {
  auto heard = [&]<class T>(types<T>) {
    if (!x.match_elements<T>()) return false;
    into.hear(std::make_shared<const T>(x.get_as<T>(0)));
    return true;
  };
  return heard(types<seat_board>{}) || heard(types<quota_board>{}) || heard(types<event_board>{}) ||
         heard(types<room_board>{}) || heard(types<gate_board>{});
}

/// Another node has given a shard away, perhaps to this one: whose it is, the roster says.
bool hear_of_move(const node_context& node, const caf::message& x) {
  if (!x.match_elements<shard_moved>()) return false;
  if (node.router) caf::anon_send(node.router, atom::look_v, true);
  return true;
}

void on_request(door_ptr self, const request_frame& x) {
  auto& st = self->state;
  head h;
  envelope what;
  caf::binary_deserializer source{self->system(), x.what.bytes};
  what.far = true;
  if (auto wrong = source(h.life, h.no, what.key, what.deadline)) {
    ++st.probe->refused;
    return x.back->cut("its requests have no head");
  }
  if (auto wrong = read_traced_body(what, source)) { // Of a newer release: nothing was begun.
    ++st.probe->refused;
    if (h.no != 0) send_back(self, {h, x.back, x.place}, ec::unavailable, {});
    return;
  }
  if (hear_board(*st.node->boards, what.body) || hear_of_move(*st.node, what.body)) return;
  auto to = caf::actor_cast<caf::strong_actor_ptr>(st.node->region);
  // Without a sender: a refusal would come back as a message, and end this actor.
  if (h.no == 0) return caf::anon_send(st.node->region, std::move(what));
  // `request` would want the answer's type; the region's is the entity's.
  auto id = self->new_request_id(caf::message_priority::normal);
  to->enqueue(caf::make_mailbox_element(self->ctrl(), id, {}, std::move(what)), self->context());
  auto back = std::make_shared<asker>(asker{h, x.back, x.place});
  self->add_multiplexed_response_handler(id.response_id(), handlers(self, back, answers{}));
}

caf::behavior door(door_ptr self, node_context* node, link_probe* probe) {
  self->state.node = node;
  self->state.probe = probe;
  return {[=](const request_frame& x) { on_request(self, x); }};
}

} // namespace

caf::actor spawn_link(node_context& node, link_probe& probe, int64_t life, link_settings settings) {
  return node.system->spawn(link, &node, &probe, life, settings,
                            static_cast<link_figures*>(nullptr));
}

caf::actor spawn_link(node_context& node, link_probe& probe, int64_t life, link_settings settings,
                      link_figures& own) {
  return node.system->spawn(link, &node, &probe, life, settings, &own);
}

caf::actor spawn_door(node_context& node, link_probe& probe) {
  return node.system->spawn(door, &node, &probe);
}

} // namespace tk
