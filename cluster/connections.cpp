#include "cluster/connections.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include <caf/all.hpp>
#include <caf/io/all.hpp>

#include "actors/registry.hpp"
#include "cluster/framing.hpp"
#include "logging/log.hpp"

namespace tk::cluster {

namespace io = caf::io;

class way;
using way_ptr = std::shared_ptr<way>;

/// A frame on its way to the broker, which alone may write to sockets.
struct to_write {
  io::connection_handle on;
  way_ptr by; ///< Handles are used again: only for who has this way.
  frame_kind kind = frame_kind::beat;
  std::vector<char> content;
};

/// A connection to be ended.
struct to_cut {
  io::connection_handle on;
  way_ptr by;
  const char* why = "";
};

} // namespace tk::cluster

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::cluster::to_write)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::cluster::to_cut)

namespace tk::cluster {

/// What a link or the door sends on: counts what has not gone out yet, so that a peer that does not
/// read costs no more than `most` (H-05). And what came and is not done with, for a peer that sends
/// more than can be done.
class way final : public frame_path, public std::enable_shared_from_this<way> {
public:
  way(caf::actor broker, io::connection_handle on, frame_kind kind, size_t most)
      : broker_(std::move(broker)), on_(on), kind_(kind), most_(most) {
    // nop
  }
  bool send(link_frame x) override {
    if (!open || x.bytes.size() > content_max) return false;
    if (waiting.load() + unsent.load() + x.bytes.size() > most_) return false;
    waiting += x.bytes.size();
    caf::anon_send(broker_, to_write{on_, shared_from_this(), kind_, std::move(x.bytes)});
    return true;
  }
  void cut(const char* why) override {
    if (open) caf::anon_send(broker_, to_cut{on_, shared_from_this(), why});
  }
  /// A frame of so many bytes has come.
  frame_place take(size_t bytes) { return std::make_shared<place>(shared_from_this(), bytes); }

  std::atomic<bool> open{true};
  std::atomic<size_t> waiting{0}; ///< In the broker's mailbox.
  std::atomic<size_t> unsent{0};  ///< In the socket's buffer.
  std::atomic<size_t> taken{0}, taken_bytes{0};

private:
  struct place {
    way_ptr of;
    size_t bytes;
    place(way_ptr x, size_t n) : of(std::move(x)), bytes(n) {
      ++of->taken;
      of->taken_bytes += bytes;
    }
    place(const place&) = delete;
    place& operator=(const place&) = delete;
    ~place() {
      of->taken_bytes -= bytes;
      --of->taken;
    }
  };
  caf::actor broker_;
  io::connection_handle on_;
  frame_kind kind_;
  size_t most_;
};

namespace {

struct connection {
  std::optional<tls_session> tls;
  frame_reader reader;
  std::optional<size_t> slot;        ///< Whom this node dialled; none for who came by itself.
  way_ptr path;                      ///< Since the greeting.
  std::optional<hello> who;          ///< Since the greeting.
  int silent = 0, idle = 0, age = 0; ///< In ticks.
  std::string from;                  ///< Address of who came by itself.
  uint64_t no = 0;                   ///< In the order in which they came.
  bool spoke = false;                ///< Bytes came, whatever they mean.
  bool paused = false;               ///< Nothing is read of it.
  size_t left = 0;                   ///< What was not done with at the last tick, while paused.
  int stuck = 0;                     ///< Ticks in which nothing was done, while paused.

  [[nodiscard]] bool stranger() const { return !slot && !path; }
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
  uint64_t last_no = 0;
  int said = 0; ///< Lines in the log since the last tick: strangers must not fill it.
  uint64_t crowded_said = 0;
  int crowded_wait = 0; ///< Ticks until it may be said again.
};

using broker_ptr = caf::stateful_actor<broker_state, io::broker>*;

constexpr int lines_per_tick = 2;
constexpr int tries_doubled_max = 4; ///< At most so many times; 4 s between tries in the end.
constexpr size_t read_at_once = 65'536;
constexpr size_t hello_max = 4096;
constexpr int crowded_ticks = 40; ///< At most one line about strangers in so many.

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
  } else if (i != self->state.connections.end() && i->second.who) {
    who = to_string(i->second.who->node);
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

/// A node has one connection to this one: who comes again has lost the older, or is broken.
void replace_older(broker_ptr self, io::connection_handle by, node_id who) {
  auto& all = self->state.connections;
  auto older = std::ranges::find_if(all, [&](auto& i) {
    auto& [on, x] = i;
    return on != by && !x.slot && x.who && x.who->node == who;
  });
  if (older == all.end()) return;
  ++self->state.probe->replaced;
  drop(self, older->first);
}

void greeted(broker_ptr self, io::connection_handle on, connection& x, const hello& other) {
  auto& st = self->state;
  if (!x.slot) replace_older(self, on, other.node);
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
  if (what.kind == frame_kind::beat) return true;
  auto place = x.path->take(what.content.size());
  link_frame body{std::move(what.content), {}};
  if (what.kind == frame_kind::request && !x.slot)
    self->send(st.door, request_frame{std::move(body), x.path, std::move(place)});
  else if (what.kind == frame_kind::answer && x.slot)
    self->send(st.links[*x.slot], answer_frame{std::move(body), std::move(place)});
  else {
    refuse(self, on, "it speaks out of turn");
    return false;
  }
  return true;
}

/// Whoever sends more than is done with waits, as if the network were slow: what it sends stays on
/// its side, where it is bounded (`unsent_max`).
void pause_when_full(broker_ptr self, io::connection_handle on, connection& x) {
  auto& most = self->state.settings;
  if (x.paused || !x.path) return;
  if (x.path->taken < most.taken_max && x.path->taken_bytes < most.taken_bytes_max) return;
  x.paused = true;
  x.left = x.path->taken;
  x.stuck = 0;
  ++self->state.probe->paused;
  self->halt(on);
  say(self, "peer_paused", "it sends more than can be done", to_string(x.who->node));
}

/// False: it has stood still for so long that its connection is to be ended.
bool read_on(broker_ptr self, io::connection_handle on, connection& x) {
  auto& most = self->state.settings;
  x.silent = 0; // It may speak as it likes; nobody listens.
  auto left = x.path->taken.load();
  if (left <= most.taken_max / 2 && x.path->taken_bytes <= most.taken_bytes_max / 2) {
    x.paused = false;
    self->trigger(on);
    return true;
  }
  x.stuck = left < x.left ? 0 : x.stuck + 1;
  x.left = left;
  return x.stuck <= most.stuck_ticks;
}

void on_data(broker_ptr self, const io::new_data_msg& x) {
  auto& st = self->state;
  auto i = st.connections.find(x.handle);
  if (i == st.connections.end()) return;
  auto& one = i->second;
  one.silent = 0;
  one.spoke = true;
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
  if (one.reader.broken()) return refuse(self, x.handle, "it does not speak in frames");
  pause_when_full(self, x.handle, one);
}

// -- the beginning of a connection ----------------------------------------------------------------

connection& open(broker_ptr self, io::connection_handle on, std::optional<size_t> to) {
  auto& st = self->state;
  self->configure_read(on, io::receive_policy::at_most(read_at_once));
  self->ack_writes(on, true);
  auto& x = st.connections[on];
  x.slot = to;
  x.no = ++st.last_no;
  if (!st.settings.tls) return x;
  if (to) {
    auto whom = parse_endpoint(st.slots[*to].known->address);
    x.tls.emplace(*st.settings.tls, tls_side::asks, whom.host);
  } else x.tls.emplace(*st.settings.tls, tls_side::answers);
  return x;
}

/// Room for one more who has not said who it is. Whoever holds most places loses one, so a crowd at
/// one address keeps nobody out who comes from another; of that address one who has said nothing
/// yet, and the oldest of those, so that a node, which speaks at once, passes the crowd.
void make_room(broker_ptr self) {
  auto& st = self->state;
  std::map<std::string, size_t> of; // By address.
  size_t strangers = 0;
  for (auto& [on, x] : st.connections) {
    if (!x.stranger()) continue;
    ++strangers;
    ++of[x.from];
  }
  if (strangers == 0 || strangers < st.settings.strangers_max) return;
  auto rank = [&](const connection& x) {
    return std::tuple{x.stranger(), x.stranger() ? of[x.from] : 0, !x.spoke, ~x.no};
  };
  auto worst =
    std::ranges::max_element(st.connections, {}, [&](auto& i) { return rank(i.second); });
  ++st.probe->crowded;
  drop(self, worst->first);
}

void on_accepted(broker_ptr self, const io::new_connection_msg& x) {
  make_room(self);
  open(self, x.handle, std::nullopt).from = self->remote_addr(x.handle);
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

/// Once in a while, however many there are.
void tell_of_strangers(broker_ptr self) {
  auto& st = self->state;
  auto all = st.probe->crowded.load();
  if (st.crowded_wait > 0) --st.crowded_wait;
  if (st.crowded_wait > 0 || all == st.crowded_said) return;
  log_line(log_level::warn, "cluster", "strangers_crowd")
    .text("why", "connections that do not say who they are; the oldest make room")
    .number("dropped", static_cast<int64_t>(all - st.crowded_said));
  st.crowded_said = all;
  st.crowded_wait = crowded_ticks;
}

/// Why a connection is to be ended now; null when it stays.
const char* why_lost(broker_ptr self, io::connection_handle on, connection& x) {
  auto& most = self->state.settings;
  if (x.paused && !read_on(self, on, x)) return "what it sends is not being done";
  if (x.silent > most.silent_ticks) return "nothing was heard of it";
  if (!x.path && x.age > most.greeting_ticks) return "it does not say who it is";
  if (x.path && x.idle > 1 && !write_frame(self, on, x, frame_kind::beat, {}))
    return "it cannot be written to";
  return nullptr;
}

/// Time is counted in ticks: a node that stood still must not take its own silence for others'.
void on_tick(broker_ptr self) {
  auto& st = self->state;
  self->delayed_send(self, st.settings.tick, atom::tick_v);
  st.said = 0;
  std::vector<std::pair<io::connection_handle, const char*>> lost;
  for (auto& [on, x] : st.connections) {
    ++x.silent;
    ++x.idle;
    ++x.age;
    if (x.slot) show(self, *x.slot, x);
    if (auto* why = why_lost(self, on, x)) lost.emplace_back(on, why);
  }
  for (auto& [on, why] : lost) {
    auto& x = st.connections.at(on);
    say(self, "peer_lost", why, x.who ? to_string(x.who->node) : "");
    drop(self, on);
  }
  tell_of_strangers(self);
  for (auto& x : st.slots) x.wait -= x.wait > 0 ? 1 : 0;
  dial_who_is_missing(self);
}

void on_write(broker_ptr self, const to_write& x) {
  x.by->waiting -= x.content.size();
  auto i = self->state.connections.find(x.on);
  if (i == self->state.connections.end() || i->second.path != x.by) return;
  if (!write_frame(self, x.on, i->second, x.kind, x.content)) drop(self, x.on);
}

void on_cut(broker_ptr self, const to_cut& x) {
  auto i = self->state.connections.find(x.on);
  if (i != self->state.connections.end() && i->second.path == x.by) refuse(self, x.on, x.why);
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
    [=](const to_cut& x) { on_cut(self, x); },
    [=](const io::new_connection_msg& x) { on_accepted(self, x); },
    [=](const io::new_data_msg& x) { on_data(self, x); },
    [=](const io::connection_closed_msg& x) { forget(self, x.handle); },
    [=](const io::data_transferred_msg& x) { on_transferred(self, x); },
    [=](const io::acceptor_closed_msg&) { self->quit(caf::sec::runtime_error); },
    [=](atom::tick) { on_tick(self); },
  };
}

} // namespace

void prepare(caf::actor_system_config& actors) {
  actors.load<io::middleman>();
  // Whoever is not to be read any more is read so often before that takes effect.
  actors.set("middleman.max-consecutive-reads", uint64_t{2});
}

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
