#include "tests/simulation/wire.hpp"

#include <algorithm>
#include <utility>

#include <caf/all.hpp>

#include "actors/registry.hpp"

namespace tk::sim {

namespace {

/// Of each path: enough to meet frames from before the last epochs.
constexpr size_t remembered_max = 64;
/// So many frames wait for their link; more are lost.
constexpr size_t waiting_max = 32;
/// Where links break, they break so often while they are made.
constexpr uint32_t broken_greetings_ppm = 300'000;
constexpr uint32_t deaths_heard_ppm = 700'000;
/// As long as the product's connections bear silence (cluster/connections.hpp).
constexpr millis silence_heard{2500};
/// Between two tries to connect.
constexpr millis redial_max{200};

} // namespace

struct wire::one_way final : frame_path {
  wire& net;
  life from;
  int32_t to;
  way how;
  one_way(wire& x, life a, int32_t b, way c) : net(x), from(a), to(b), how(c) {
    // nop
  }
  bool send(link_frame x) override {
    net.carry(from, to, how, x);
    return true;
  }
  void cut(const char* why) override { net.end(from, to, how, why); }
};

void wire::attach(life who, caf::actor door) { ends_[who.node] = {who, std::move(door), {}}; }

void wire::lead(int32_t node, const std::map<int32_t, std::pair<life, caf::actor>>& links) {
  auto i = ends_.find(node);
  if (i == ends_.end()) return;
  auto& at = i->second;
  auto before = std::exchange(at.links, links);
  for (auto& [to, x] : before)
    if (!at.links.contains(to)) caf::anon_send(x.second, link_down{});
  for (auto& [to, x] : at.links) {
    auto was = before.find(to);
    if (was != before.end() && was->second == x) continue;
    dial({node, to}, at.who, x);
  }
}

/// Who speaks with a node that died mostly hears of it at once from its machine; when that is gone,
/// too, by its silence.
void wire::detach(int32_t node) {
  auto gone = ends_.find(node);
  if (gone == ends_.end()) return;
  auto who = gone->second.who;
  ends_.erase(gone);
  std::erase_if(connections_, [node](auto& x) { return x.first.first == node; });
  auto after = dice_.chance(deaths_heard_ppm) ? millis{1} : silence_heard;
  time_.after(after, [=, this] {
    for (auto& [along, link] : connections_)
      if (along.second == who.node && link.open && link.with == who) {
        link.open = false;
        break_off(along);
      }
  });
}

/// The near end of a path hears that its connection is gone: nothing that was sent before will be
/// answered. What is to be sent meanwhile waits, until there is a new one.
void wire::break_off(const path& along) {
  auto near = ends_.find(along.first);
  if (near == ends_.end()) return;
  auto link = near->second.links.find(along.second);
  if (link == near->second.links.end()) return;
  caf::anon_send(link->second.second, link_down{});
  dial(along, near->second.who, link->second);
}

/// As the product's broker: whose frame has no head is cut off, and dials again.
void wire::end(life by, int32_t of, way how, const char* why) {
  auto cutter = ends_.find(by.node);
  if (cutter == ends_.end() || cutter->second.who != by) return;
  path along = how == way::answer ? path{of, by.node} : path{by.node, of};
  tell(by.node, of, std::string{"ends the link: "} + why);
  connections_[along].open = false;
  break_off(along);
}

/// As the product's dialer: again and again, as long as the roster names that life.
void wire::dial(const path& along, life who, const std::pair<life, caf::actor>& link) {
  time_.after(dice_.between(millis{1}, redial_max), [=, this] {
    auto near = ends_.find(along.first);
    if (near == ends_.end() || near->second.who != who) return;
    auto known = near->second.links.find(along.second);
    if (known == near->second.links.end() || known->second != link) return; // It leads elsewhere.
    auto far = ends_.find(along.second);
    bool there = far != ends_.end() && far->second.who == link.first && !is_cut(along) &&
                 !is_cut({along.second, along.first});
    if (far == ends_.end() && on_refused && !is_cut(along) && !is_cut({along.second, along.first}))
      on_refused(along.first, link.first);
    if (!there) return dial(along, who, link);
    auto again = std::make_shared<one_way>(*this, who, along.second, way::request);
    caf::anon_send(link.second, link_up{again});
  });
}

void wire::lose_all(int32_t from, int32_t to, millis length) {
  cut_until_[{from, to}] = time_.now() + length;
}

void wire::cut(int32_t from, int32_t to, millis length) {
  lose_all(from, to, length);
  auto until = time_.now() + length;
  if (length <= silence_heard) return;
  // Who hears nothing for so long ends the connection, and with it the other way.
  time_.after(silence_heard, [=, this] {
    auto still = cut_until_.find({from, to});
    if (still == cut_until_.end() || still->second != until) return;
    break_off({from, to});
    break_off({to, from});
  });
}

void wire::heal() {
  faults_ = {};
  cut_until_.clear();
  older_.clear();
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
  tell(along.first, along.second, std::string{x.about} + " (of long ago)");
  time_.after(dice_.between(millis{0}, faults_.wire_delay_max),
              [=, this] { arrive(along.first, along.second, how, x); });
}

void wire::carry(life from, int32_t to, way how, const link_frame& x) {
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
    break_off(along);
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

void wire::send(const path& along, way how, const link_frame& x) {
  auto from = along.first, to = along.second;
  auto copies = faults_.strikes(&fault_mix::duplicate_ppm, dice_) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    if (faults_.strikes(&fault_mix::drop_ppm, dice_)) {
      ++dropped_;
      tell(from, to, std::string{x.about} + " (lost)");
      continue;
    }
    if (faults_.path_capacity > 0 && under_way_[along] >= faults_.path_capacity) {
      ++dropped_;
      faults_.note(&fault_mix::path_capacity);
      tell(from, to, std::string{x.about} + " (no room)");
      continue;
    }
    ++under_way_[along];
    tell(from, to, std::string{x.about} + (i > 0 ? " (again)" : ""));
    auto most =
      faults_.strikes(&fault_mix::slow_ppm, dice_) ? millis{5000} : faults_.wire_delay_max;
    time_.after(dice_.between(millis{0}, most), [=, this] {
      --under_way_[along];
      arrive(from, to, how, x);
    });
  }
}

void wire::tell(int32_t from, int32_t to, const std::string& what) const {
  // Boards are asked for, and told, all the time.
  auto board = what.find("_board") != std::string::npos || what.starts_with("describe_event");
  if (on_frame && !board) on_frame(from, to, what);
}

/// The name of its type, which the frame has in clear, is none that the receiver has heard of. News
/// of a kind that a release does not know is told to it again when it has become the next one, by a
/// restart; here it goes on as it is, so it knows all of them.
link_frame wire::as_read_by(int32_t node, const link_frame& x) {
  auto is = older_.find(node);
  if (is == older_.end() || time_.now() >= is->second.until) return x;
  if (x.about.find("_board") != std::string_view::npos) return x;
  if (is->second.unknown.empty()) is->second.unknown = x.about;
  if (is->second.unknown != x.about) return x;
  auto out = x;
  auto at = std::ranges::search(out.bytes, x.about);
  if (!at.empty()) at.front() = '?';
  return out;
}

void wire::arrive(int32_t from, int32_t to, way how, const link_frame& x) {
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
  auto& there = receiver->second;
  if (how == way::request)
    caf::anon_send(there.door,
                   request_frame{as_read_by(to, x),
                                 std::make_shared<one_way>(*this, there.who, from, way::answer)});
  else if (auto link = there.links.find(from); link != there.links.end())
    caf::anon_send(link->second.second, answer_frame{as_read_by(to, x)});
}

} // namespace tk::sim
