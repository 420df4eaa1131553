#include "cluster/connections.hpp"

#include <map>
#include <set>
#include <utility>

#include <caf/all.hpp>
#include <caf/io/all.hpp>

#include "actors/registry.hpp"
#include "cluster/framing.hpp"
#include "logging/log.hpp"

namespace tk::cluster {

namespace io = caf::io;

/// A frame on its way to the broker, which alone may write to sockets.
struct to_write {
  io::connection_handle on;
  frame_kind kind = frame_kind::beat;
  std::vector<char> content;
};

} // namespace tk::cluster

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::cluster::to_write)

namespace tk::cluster {

namespace {

/// What a link or the door sends on: counts what has not gone out yet, so that a peer that does not
/// read costs no more than `most` (H-05).
class way final : public frame_path {
public:
  way(caf::actor broker, io::connection_handle on, frame_kind kind, size_t most)
      : broker_(std::move(broker)), on_(on), kind_(kind), most_(most) {
    // nop
  }
  bool send(link_frame x) override {
    if (!open || x.bytes.size() > content_max) return false;
    if (waiting.load() + unsent.load() + x.bytes.size() > most_) return false;
    waiting += x.bytes.size();
    caf::anon_send(broker_, to_write{on_, kind_, std::move(x.bytes)});
    return true;
  }

  std::atomic<bool> open{true};
  std::atomic<size_t> waiting{0}; ///< In the broker's mailbox.
  std::atomic<size_t> unsent{0};  ///< In the socket's buffer.

private:
  caf::actor broker_;
  io::connection_handle on_;
  frame_kind kind_;
  size_t most_;
};

struct connection {
  std::optional<tls_session> tls;
  frame_reader reader;
  std::optional<size_t> slot;        ///< Whom this node dialled; none for who came by itself.
  std::shared_ptr<way> path;         ///< Since the greeting.
  std::optional<hello> who;          ///< Since the greeting.
  int silent = 0, idle = 0, age = 0; ///< In ticks.
};

struct slot {
  std::optional<known_node> known;
  bool dialling = false;
  bool connected = false;  ///< A connection exists, greeted or not.
  int tries = 0, wait = 0; ///< Since it stood last; ticks until the next one.
};

struct broker_state {
  static inline const char* name = "tk.connections";
  connection_settings settings;
  caf::actor door;
  std::vector<caf::actor> links;
  dialer_actor dialer;
  caf::strong_actor_ptr roster; ///< Who told of the nodes last.
  connection_probe* probe = nullptr;
  std::map<io::connection_handle, connection> connections;
  std::vector<slot> slots;
  int said = 0; ///< Lines in the log since the last tick: strangers must not fill it.
};

using broker_ptr = caf::stateful_actor<broker_state, io::broker>*;

constexpr int lines_per_tick = 2;
constexpr int tries_doubled_max = 4; ///< At most so many times; 4 s between tries in the end.
constexpr size_t read_at_once = 65'536;
constexpr size_t hello_max = 4096;

void say(broker_ptr self, const char* what, const std::string& why, const std::string& who = {}) {
  if (self->state.said++ >= lines_per_tick) return;
  log_line(log_level::warn, "cluster", what).text("why", why).text("peer", who);
}

// -- writing --------------------------------------------------------------------------------------

/// Puts bytes on the socket; false when the session is over.
bool flush(broker_ptr self, io::connection_handle on, connection& x, std::span<const char> plain) {
  auto& out = self->wr_buf(on);
  if (x.tls) {
    if (!x.tls->say(plain)) return false;
    x.tls->take(out);
  } else {
    out.insert(out.end(), plain.begin(), plain.end());
  }
  if (x.path) x.path->unsent = out.size();
  self->flush(on);
  return true;
}

bool write_frame(broker_ptr self, io::connection_handle on, connection& x, frame_kind kind,
                 std::span<const char> content) {
  std::vector<char> plain;
  x.idle = 0;
  return append_frame(plain, kind, content) && flush(self, on, x, plain);
}

// -- the end of a connection ----------------------------------------------------------------------

void forget(broker_ptr self, io::connection_handle on) {
  auto& st = self->state;
  auto i = st.connections.find(on);
  if (i == st.connections.end()) return;
  auto gone = std::move(i->second);
  st.connections.erase(i);
  if (gone.path) {
    gone.path->open = false;
    ++st.probe->lost;
  }
  if (!gone.slot) return;
  st.slots[*gone.slot].connected = false;
  if (!gone.path) return;
  if (*gone.slot < st.probe->ways.size()) st.probe->ways[*gone.slot].unsent = 0;
  --st.probe->standing;
  self->send(st.links[*gone.slot], link_down{});
}

void drop(broker_ptr self, io::connection_handle on) {
  forget(self, on);
  self->close(on);
}

void refuse(broker_ptr self, io::connection_handle on, const std::string& why) {
  ++self->state.probe->refused;
  auto i = self->state.connections.find(on);
  std::string who;
  if (i != self->state.connections.end() && i->second.slot) {
    auto& known = self->state.slots[*i->second.slot].known;
    if (known) who = to_string(known->node);
  }
  say(self, "peer_refused", why, who);
  drop(self, on);
}

// -- greeting -------------------------------------------------------------------------------------

const known_node* find_known(broker_ptr self, node_id node) {
  for (auto& x : self->state.slots)
    if (x.known && x.known->node == node) return &*x.known;
  return nullptr;
}

/// Why who says `other` is not who it must be; empty when all is right.
std::string judge(broker_ptr self, const connection& x, const hello& other) {
  if (auto wrong = refuse(self->state.settings.own, other); !wrong.empty()) return wrong;
  auto* known = find_known(self, other.node);
  if (known == nullptr) return "the roster does not know it";
  if (known->incarnation != other.incarnation) return "it is another incarnation than the roster's";
  if (x.slot && self->state.slots[*x.slot].known->node != other.node)
    return "another node answers at this address";
  if (x.tls && !x.tls->is_for(parse_endpoint(known->address).host))
    return "its certificate is not for " + parse_endpoint(known->address).host;
  return {};
}

void greeted(broker_ptr self, io::connection_handle on, connection& x, const hello& other) {
  auto& st = self->state;
  x.who = other;
  auto kind = x.slot ? frame_kind::request : frame_kind::answer;
  auto me = caf::actor_cast<caf::actor>(self);
  x.path = std::make_shared<way>(std::move(me), on, kind, st.settings.unsent_max);
  if (!x.slot) {
    ++st.probe->accepted;
    return;
  }
  ++st.probe->standing;
  st.slots[*x.slot].tries = 0;
  self->send(st.links[*x.slot], link_up{x.path, other.traces});
}

/// False: the connection has gone.
bool on_hello(broker_ptr self, io::connection_handle on, connection& x,
              const std::vector<char>& content) {
  auto other = content.size() <= hello_max ? read_hello(content) : std::nullopt;
  auto wrong = other ? judge(self, x, *other) : "it does not say who it is";
  if (!wrong.empty()) {
    refuse(self, on, wrong);
    return false;
  }
  // Who was dialled answers with its own; who dialled has said it first.
  if (!x.slot && !write_frame(self, on, x, frame_kind::hello, to_bytes(self->state.settings.own))) {
    drop(self, on);
    return false;
  }
  greeted(self, on, x, *other);
  return true;
}

bool on_frame(broker_ptr self, io::connection_handle on, connection& x, frame& what) {
  auto& st = self->state;
  if (!x.path) {
    if (what.kind == frame_kind::hello) return on_hello(self, on, x, what.content);
    refuse(self, on, "it speaks before it says who it is");
    return false;
  }
  link_frame body{std::move(what.content), {}};
  if (what.kind == frame_kind::beat) return true;
  if (what.kind == frame_kind::request && !x.slot)
    self->send(st.door, request_frame{std::move(body), x.path});
  else if (what.kind == frame_kind::answer && x.slot)
    self->send(st.links[*x.slot], answer_frame{std::move(body)});
  else {
    refuse(self, on, "it speaks out of turn");
    return false;
  }
  return true;
}

void on_data(broker_ptr self, const io::new_data_msg& x) {
  auto& st = self->state;
  auto i = st.connections.find(x.handle);
  if (i == st.connections.end()) return;
  auto& one = i->second;
  one.silent = 0;
  if (one.tls) {
    std::vector<char> plain;
    if (!one.tls->feed(x.buf, plain)) {
      flush(self, x.handle, one, {}); // The other side hears why.
      return refuse(self, x.handle, one.tls->error());
    }
    one.reader.feed(plain);
    if (!flush(self, x.handle, one, {})) return refuse(self, x.handle, one.tls->error());
  } else {
    one.reader.feed(x.buf);
  }
  while (auto what = one.reader.next())
    if (!on_frame(self, x.handle, one, *what)) return; // `one` has gone.
  if (one.reader.broken()) refuse(self, x.handle, "it does not speak in frames");
}

// -- the beginning of a connection ----------------------------------------------------------------

connection& open(broker_ptr self, io::connection_handle on, std::optional<size_t> to) {
  auto& st = self->state;
  self->configure_read(on, io::receive_policy::at_most(read_at_once));
  self->ack_writes(on, true);
  auto& x = st.connections[on];
  x.slot = to;
  if (!st.settings.tls) return x;
  if (to) {
    auto whom = parse_endpoint(st.slots[*to].known->address);
    x.tls.emplace(*st.settings.tls, tls_side::asks, whom.host);
  } else x.tls.emplace(*st.settings.tls, tls_side::answers);
  return x;
}

void on_accepted(broker_ptr self, const io::new_connection_msg& x) {
  auto& st = self->state;
  size_t strangers = 0;
  for (auto& [on, one] : st.connections) strangers += one.path ? 0 : 1;
  if (strangers >= st.settings.strangers_max) {
    ++st.probe->refused;
    self->close(x.handle);
    return;
  }
  open(self, x.handle, std::nullopt);
}

void on_dialled(broker_ptr self, size_t to, const known_node& whom, const dialled& x) {
  auto& st = self->state;
  auto& one = st.slots[to];
  one.dialling = false;
  if (x.refused && st.roster)
    self->send(caf::actor_cast<caf::actor>(st.roster), nobody_there{whom.node, whom.incarnation});
  if (!x.socket) return say(self, "peer_unreachable", x.error, to_string(whom.node));
  if (one.known != whom || one.connected) return; // The roster has changed meanwhile.
  one.connected = true;
  auto on = self->add_scribe(x.socket->take());
  auto& made = open(self, on, to);
  if (!write_frame(self, on, made, frame_kind::hello, to_bytes(st.settings.own)))
    refuse(self, on, made.tls->error());
}

void dial(broker_ptr self, size_t to) {
  auto& one = self->state.slots[to];
  one.dialling = true;
  one.wait = (1 << std::min(one.tries++, tries_doubled_max)) - 1;
  auto whom = *one.known;
  self->request(self->state.dialer, caf::infinite, dial_node{parse_endpoint(whom.address)})
    .then([=](const dialled& x) { on_dialled(self, to, whom, x); },
          [=](caf::error&) { self->state.slots[to].dialling = false; });
}

void dial_who_is_missing(broker_ptr self) {
  for (size_t i = 0; i < self->state.slots.size(); ++i) {
    auto& x = self->state.slots[i];
    if (x.known && !x.connected && !x.dialling && x.wait == 0) dial(self, i);
  }
}

/// Who came by itself stays for as long as the roster has it, in the life in which it came.
bool still_known(broker_ptr self, const connection& x) {
  if (!x.who) return true; // Its greeting will be judged.
  auto* known = find_known(self, x.who->node);
  return known != nullptr && known->incarnation == x.who->incarnation;
}

void on_known(broker_ptr self, const nodes_known& x) {
  auto& st = self->state;
  st.roster = self->current_sender();
  std::set<size_t> changed;
  for (size_t i = 0; i < st.slots.size(); ++i) {
    auto now = i < x.slots.size() ? x.slots[i] : std::nullopt;
    if (st.slots[i].known == now) continue;
    st.slots[i].known = now;
    st.slots[i].tries = st.slots[i].wait = 0;
    changed.insert(i);
  }
  std::vector<io::connection_handle> old;
  for (auto& [on, one] : st.connections)
    if ((one.slot && changed.contains(*one.slot)) || !still_known(self, one)) old.push_back(on);
  for (auto on : old) drop(self, on);
  dial_who_is_missing(self);
}

// -- time -----------------------------------------------------------------------------------------

/// For the metrics page.
void show(broker_ptr self, size_t slot, const connection& x) {
  auto& st = self->state;
  if (slot >= st.probe->ways.size()) return;
  auto& to = st.probe->ways[slot];
  to.silent_ms = (x.silent - 1) * st.settings.tick.count(); // This tick is not over.
  to.unsent = x.path ? x.path->waiting + x.path->unsent : 0;
}

/// Time is counted in ticks: a node that stood still must not take its own silence for others'.
void on_tick(broker_ptr self) {
  auto& st = self->state;
  self->delayed_send(self, st.settings.tick, atom::tick_v);
  st.said = 0;
  std::vector<io::connection_handle> lost;
  for (auto& [on, x] : st.connections) {
    ++x.silent;
    ++x.idle;
    ++x.age;
    if (x.slot) show(self, *x.slot, x);
    bool gone = x.silent > st.settings.silent_ticks ||
                (!x.path && x.age > st.settings.greeting_ticks) ||
                (x.path && x.idle > 1 && !write_frame(self, on, x, frame_kind::beat, {}));
    if (gone) lost.push_back(on);
  }
  for (auto on : lost) {
    auto& x = st.connections.at(on);
    say(self, "peer_lost", "nothing was heard of it", x.who ? to_string(x.who->node) : "");
    drop(self, on);
  }
  for (auto& x : st.slots) x.wait -= x.wait > 0 ? 1 : 0;
  dial_who_is_missing(self);
}

void on_write(broker_ptr self, const to_write& x) {
  auto i = self->state.connections.find(x.on);
  if (i == self->state.connections.end() || !i->second.path) return;
  i->second.path->waiting -= x.content.size();
  if (!write_frame(self, x.on, i->second, x.kind, x.content)) drop(self, x.on);
}

void on_transferred(broker_ptr self, const io::data_transferred_msg& x) {
  auto i = self->state.connections.find(x.handle);
  if (i != self->state.connections.end() && i->second.path) i->second.path->unsent = x.remaining;
}

caf::behavior connections(broker_ptr self, connection_settings settings, io::doorman_ptr listener,
                          caf::actor door, std::vector<caf::actor> links, dialer_actor dialer,
                          connection_probe* probe) {
  auto& st = self->state;
  st.settings = std::move(settings);
  st.door = std::move(door);
  st.links = std::move(links);
  st.slots.resize(st.links.size());
  st.dialer = std::move(dialer);
  st.probe = probe;
  self->add_doorman(std::move(listener));
  self->delayed_send(self, st.settings.tick, atom::tick_v);
  return {
    [=](const nodes_known& x) { on_known(self, x); },
    [=](const to_write& x) { on_write(self, x); },
    [=](const io::new_connection_msg& x) { on_accepted(self, x); },
    [=](const io::new_data_msg& x) { on_data(self, x); },
    [=](const io::connection_closed_msg& x) { forget(self, x.handle); },
    [=](const io::data_transferred_msg& x) { on_transferred(self, x); },
    [=](const io::acceptor_closed_msg&) { self->quit(caf::sec::runtime_error); },
    [=](atom::tick) { on_tick(self); },
  };
}

} // namespace

void prepare(caf::actor_system_config& actors) { actors.load<io::middleman>(); }

tl::expected<listening, std::string> spawn_connections(
  caf::actor_system& system, connection_settings settings, caf::actor door,
  std::vector<caf::actor> links, const dialer_actor& dialer, connection_probe& probe) {
  auto address = settings.bind_address;
  auto* in = address.empty() ? nullptr : address.c_str();
  auto listener = system.middleman().backend().new_tcp_doorman(settings.port, in, true);
  if (!listener)
    return tl::unexpected(std::string{"cannot listen on "} + (in ? address : "any address") + ":" +
                          std::to_string(settings.port));
  listening out;
  out.port = (*listener)->port();
  out.broker =
    system.middleman().spawn_broker(connections, std::move(settings), std::move(*listener),
                                    std::move(door), std::move(links), dialer, &probe);
  return out;
}

} // namespace tk::cluster
