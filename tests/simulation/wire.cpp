#include "tests/simulation/wire.hpp"

#include <utility>

#include <caf/all.hpp>

#include "actors/registry.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/router.hpp"

namespace tk::sim {

// -- the network ----------------------------------------------------------------------------------

namespace {

/// Of each path: enough to meet frames from before the last epochs.
constexpr size_t remembered_max = 64;
/// So many frames wait for their link; more are lost.
constexpr size_t waiting_max = 32;
/// Where links break, they break so often while they are made.
constexpr uint32_t broken_greetings_ppm = 300'000;

} // namespace

void wire::attach(life who, caf::actor door, std::map<int32_t, caf::actor> links) {
  ends_[who.node] = {who, std::move(door), std::move(links)};
}

void wire::detach(int32_t node) {
  ends_.erase(node);
  std::erase_if(connections_, [node](auto& x) { return x.first.first == node; });
}

void wire::cut(int32_t from, int32_t to, millis length) {
  cut_until_[{from, to}] = time_.now() + length;
}

void wire::heal() {
  faults_ = {};
  cut_until_.clear();
  while (!clogged_.empty()) unclog(clogged_.begin()->first.first, clogged_.begin()->first.second);
}

void wire::unclog(int32_t from, int32_t to) {
  auto stood = clogged_.extract({from, to});
  if (!stood) return;
  for (auto& [how, x] : stood.mapped()) arrive(from, to, how, x);
}

/// F3: whatever was said long ago, by whichever life of the node, is said again.
void wire::repeat_old(const path& along) {
  auto& past = past_[along];
  if (past.empty() || !faults_.strikes(&fault_mix::old_frames_ppm, dice_)) return;
  auto [how, x] = past[dice_.below(past.size())];
  tell(along.first, along.second, x.about + " (of long ago)");
  time_.after(dice_.between(millis{0}, faults_.wire_delay_max),
              [=, this] { arrive(along.first, along.second, how, x); });
}

void wire::send_request(life from, int32_t to, frame x) { carry(from, to, way::request, x); }
void wire::send_answer(life from, int32_t to, frame x) { carry(from, to, way::answer, x); }

void wire::carry(life from, int32_t to, way how, const frame& x) {
  ++carried_;
  auto sender = ends_.find(from.node);
  if (sender == ends_.end() || sender->second.who != from) return; // The dead do not speak.
  path along{from.node, to};
  repeat_old(along);
  if (faults_.old_frames_ppm > 0) {
    auto& past = past_[along];
    if (past.size() < remembered_max) past.emplace_back(how, x);
    else past[dice_.below(past.size())] = {how, x};
  }
  auto receiver = ends_.find(to);
  auto& link = connections_[along];
  auto whom = receiver == ends_.end() ? life{} : receiver->second.who;
  if (link.open && (link.with != whom || faults_.strikes(&fault_mix::link_reset_ppm, dice_))) {
    tell(from.node, to, "the link breaks");
    link.open = false;
  }
  if (link.open) return send(along, how, x);
  if (link.waiting.size() < waiting_max) link.waiting.emplace_back(how, x);
  else ++dropped_;
  if (link.waiting.size() == 1) greet(along, whom);
}

/// The first frame makes the link: whoever is there answers, some time later, or nobody does.
void wire::greet(const path& along, life whom) {
  auto& link = connections_[along];
  link.with = whom;
  link.greeting = ++greetings_;
  auto late = faults_.strikes(&fault_mix::slow_ppm, dice_);
  auto most = late ? millis{5000} : 2 * faults_.wire_delay_max;
  time_.after(dice_.between(millis{0}, most),
              [=, this, no = link.greeting] { greeted(along, no); });
}

void wire::greeted(const path& along, uint64_t no) {
  auto i = connections_.find(along);
  if (i == connections_.end() || i->second.greeting != no) return; // It died, or began anew.
  auto& link = i->second;
  auto receiver = ends_.find(along.second);
  auto waiting = std::exchange(link.waiting, {});
  bool refused = receiver == ends_.end() || receiver->second.who != link.with;
  bool broken = faults_.link_reset_ppm > 0 && dice_.chance(broken_greetings_ppm);
  if (broken) faults_.note(&fault_mix::link_reset_ppm);
  // Both ways have to be there for a greeting; what waited for it is lost with it.
  if (refused || broken || is_cut(along) || is_cut({along.second, along.first})) {
    dropped_ += waiting.size();
    return tell(along.first, along.second, "no link");
  }
  link.open = true;
  for (auto& [how, x] : waiting) send(along, how, x);
}

bool wire::is_cut(const path& along) const {
  auto cut = cut_until_.find(along);
  return clogged_.contains(along) || (cut != cut_until_.end() && time_.now() < cut->second);
}

void wire::send(const path& along, way how, const frame& x) {
  auto from = along.first, to = along.second;
  auto copies = faults_.strikes(&fault_mix::duplicate_ppm, dice_) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    if (faults_.strikes(&fault_mix::drop_ppm, dice_)) {
      ++dropped_;
      tell(from, to, x.about + " (lost)");
      continue;
    }
    if (faults_.path_capacity > 0 && under_way_[along] >= faults_.path_capacity) {
      ++dropped_;
      faults_.note(&fault_mix::path_capacity);
      tell(from, to, x.about + " (no room)");
      continue;
    }
    ++under_way_[along];
    tell(from, to, x.about + (i > 0 ? " (again)" : ""));
    auto most =
      faults_.strikes(&fault_mix::slow_ppm, dice_) ? millis{5000} : faults_.wire_delay_max;
    time_.after(dice_.between(millis{0}, most), [=, this] {
      --under_way_[along];
      arrive(from, to, how, x);
    });
  }
}

void wire::tell(int32_t from, int32_t to, const std::string& what) const {
  // Boards are asked for all the time.
  if (on_frame && !what.starts_with("describe_event") && !what.starts_with("event_board"))
    on_frame(from, to, what);
}

void wire::arrive(int32_t from, int32_t to, way how, const frame& x) {
  auto receiver = ends_.find(to);
  auto cut = cut_until_.find({from, to});
  if (auto clog = clogged_.find({from, to}); clog != clogged_.end()) {
    clog->second.emplace_back(how, x);
    return;
  }
  if (receiver == ends_.end() || (cut != cut_until_.end() && time_.now() < cut->second)) {
    ++dropped_;
    return;
  }
  if (how == way::request) caf::anon_send(receiver->second.door, x);
  else if (auto link = receiver->second.links.find(from); link != receiver->second.links.end())
    caf::anon_send(link->second, x);
}

// -- its two ends ---------------------------------------------------------------------------------

namespace {

/// Nothing that was asked for may wait longer than its envelope's time and this.
constexpr millis patience{500};

/// A frame's first part. An envelope follows field by field: as a whole CAF would skip it, because
/// it is marked as a message that never leaves its node. `no` = 0: nobody waits for an answer.
struct head {
  int32_t from = 0;
  int64_t incarnation = 0;
  uint64_t no = 0;
};

template <class... Ts> frame encode(caf::actor_system& system, Ts&... xs) {
  frame out;
  caf::binary_serializer sink{system, out.bytes};
  if (auto wrong = sink(xs...)) CAF_RAISE_ERROR("a message cannot be encoded");
  return out;
}

/// The type of what is in a message, in words.
std::string name_of(caf::actor_system& system, const caf::message& x) {
  if (x.empty()) return "nothing";
  auto [number, type] = x.type(0);
  auto out = system.types().portable_name(number, type);
  return out.substr(out.rfind(':') + 1);
}

struct link_state {
  static inline const char* name = "sim.link";
  uint64_t last = 0;
  std::map<uint64_t, caf::response_promise> open;
};

using link_ptr = caf::stateful_actor<link_state>*;

void take_answer(link_ptr self, life here, const frame& x) {
  head h;
  uint8_t why = 0;
  caf::message body;
  caf::binary_deserializer source{self->system(), x.bytes};
  if (auto wrong = source(h.from, h.incarnation, h.no, why, body))
    CAF_RAISE_ERROR("an answer cannot be decoded");
  auto i = self->state.open.find(h.no);
  // An answer for an earlier life of this node has its numbers, but not its incarnation.
  if (h.incarnation != here.incarnation || i == self->state.open.end()) return;
  if (why == 0) i->second.deliver(std::move(body));
  else i->second.deliver(make_error(static_cast<ec>(why)));
  self->state.open.erase(i);
}

void give_up(link_ptr self, uint64_t no) {
  auto i = self->state.open.find(no);
  if (i == self->state.open.end()) return;
  i->second.deliver(make_error(ec::unknown));
  self->state.open.erase(i);
}

caf::behavior link(link_ptr self, wire* net, agenda* time, const node_context* node, life here,
                   int32_t there) {
  return {
    [=](envelope& x) -> caf::result<caf::message> {
      auto& st = self->state;
      bool waits = self->current_message_id().is_request();
      uint64_t no = waits ? ++st.last : 0;
      auto to = there;
      auto who = here;
      auto bytes = encode(self->system(), who.node, who.incarnation, no, x.key, x.deadline, x.body);
      bytes.about = name_of(self->system(), x.body);
      net->send_request(who, to, std::move(bytes));
      if (!waits) return caf::message{};
      st.open.emplace(no, self->make_response_promise());
      auto self_handle = caf::actor_cast<caf::actor>(self);
      time->after(x.deadline - node->clock->now() + patience,
                  [=] { caf::anon_send(self_handle, errand{[=] { give_up(self, no); }}); });
      return caf::delegated<caf::message>{};
    },
    [=](const frame& x) { take_answer(self, here, x); },
    [](const errand& x) { x.run(); },
  };
}

void answer(caf::event_based_actor* self, wire* net, life here, const head& h, ec why,
            caf::message body) {
  auto error = static_cast<uint8_t>(why);
  auto asker = h.incarnation;
  auto from = here.node;
  auto no = h.no;
  auto bytes = encode(self->system(), from, asker, no, error, body);
  bytes.about = why == ec::ok ? name_of(self->system(), body) : std::string{to_string(why)};
  net->send_answer(here, h.from, std::move(bytes));
}

/// Whatever an entity may answer: CAF matches answers by type, so all are named.
caf::behavior answers(caf::event_based_actor* self, wire* net, life here, const head& h) {
  auto back = [=](auto& x) { answer(self, net, here, h, ec::ok, caf::make_message(x)); };
  return {
    [=](hold_reply& x) { back(x); },
    [=](claim_reply& x) { back(x); },
    [=](release_reply& x) { back(x); },
    [=](hold_changed& x) { back(x); },
    [=](payment_reply& x) { back(x); },
    [=](family_started& x) { back(x); },
    [=](family_started_v2& x) { back(x); },
    [=](family_rotated& x) { back(x); },
    [=](sessions_ended& x) { back(x); },
    [=](all_revoked& x) { back(x); },
    [=](event_board& x) { back(x); },
    [=](block_awake& x) { back(x); },
    [=](checkout_awake& x) { back(x); },
    [=](caf::error& x) { answer(self, net, here, h, to_ec(x), {}); },
  };
}

void take_request(caf::event_based_actor* self, wire* net, const node_context* node, life here,
                  const frame& x) {
  head h;
  envelope what;
  caf::binary_deserializer source{self->system(), x.bytes};
  if (auto wrong = source(h.from, h.incarnation, h.no, what.key, what.deadline, what.body))
    CAF_RAISE_ERROR("a request cannot be decoded");
  auto to = caf::actor_cast<caf::strong_actor_ptr>(node->region);
  // Without a sender: a refusal would come back as a message, and end this actor.
  if (h.no == 0) return caf::anon_send(node->region, std::move(what));
  // `request` would want the answer's type; the region's is the entity's.
  auto id = self->new_request_id(caf::message_priority::normal);
  to->enqueue(caf::make_mailbox_element(self->ctrl(), id, {}, std::move(what)), self->context());
  self->add_multiplexed_response_handler(id.response_id(), answers(self, net, here, h));
}

caf::behavior door(caf::event_based_actor* self, wire* net, const node_context* node, life here) {
  return {[=](const frame& x) { take_request(self, net, node, here, x); }};
}

} // namespace

caf::actor spawn_link(caf::actor_system& system, wire& net, agenda& time, const node_context& node,
                      life here, int32_t there) {
  return system.spawn(link, &net, &time, &node, here, there);
}

caf::actor spawn_door(caf::actor_system& system, wire& net, const node_context& node, life here) {
  return system.spawn(door, &net, &node, here);
}

} // namespace tk::sim
