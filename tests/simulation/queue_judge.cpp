#include "tests/simulation/queue_judge.hpp"

#include <algorithm>
#include <variant>

#include "tests/simulation/draw_check.hpp"

namespace tk::sim {

namespace {

/// Whoever asks so often counts as present; the room waits some seconds longer, for clocks and for
/// news on their way.
constexpr millis present_gap{25'000};
constexpr millis sweep_slack{10'000};
/// What an organiser asks for is carried out by then, or not at all.
constexpr millis steer_lasts{10'000};
/// Somebody who asked to join may have a place that nobody has heard of for so long.
constexpr millis joins_open{10'000};
/// A ticket proves an unwritten place for so many lives of the room after the one that gave it.
constexpr int64_t crashes_survived = 2;
/// A wish to leave may be on its way while another device begins anew.
constexpr millis wishes_early{30'000};
/// When nothing goes wrong any more, everybody has heard of an end after so long.
constexpr millis settled{15'000}, heard_of_after{5'000};

std::string name_of(user_id x) { return "user " + std::to_string(x.lo - 1); }

std::string name_of_place(uint32_t code) {
  auto x = queue_place::of(code);
  return (x.direct ? "place " : "place of the gate ") + std::to_string(x.number);
}

} // namespace

void queue_judge::fail(const std::string& what) {
  if (wrong_.empty()) wrong_ = what;
}

// -- what is on record ----------------------------------------------------------------------------

void queue_judge::committed(int32_t node, const batch& what, const batch_result& said) {
  for (size_t i = 0; i < what.ops.size(); ++i)
    if (auto x = std::get_if<room_turn>(what.ops[i].get()))
      if (said.verdicts[i].is == outcome::ok) judge(*x);
  for (size_t i = 0; gate != nullptr && i < what.ops.size(); ++i)
    if (auto x = std::get_if<gate_turn>(what.ops[i].get()))
      if (said.verdicts[i].is == outcome::ok) gate->committed(*x);
  note_stock();
  next_.committed(node, what, said);
}

void queue_judge::judge(const room_turn& x) {
  turns_.push_back(time_.now());
  if (x.generation != generation_) take_clear(x);
  auto leavers = x.leavers;
  for (auto& y : x.joins) take_join(y, x, leavers);
  check_draw(x);
  for (auto place : leavers) take_leaver(place, x);
  take_admissions(x);
  check_seats(x);
  for (auto& y : x.admissions) check_overtaking(y);
  for (auto& [user, places] : waiting_)
    if (places.size() > 1) fail("I12: " + name_of(user) + " has two places");
  std::erase_if(waiting_, [](auto& y) { return y.second.empty(); });
  check_ends();
  check_cap(x);
}

const model_room* queue_judge::room() const {
  auto i = model_.rows.rooms.find(limits_.event);
  return i == model_.rows.rooms.end() ? nullptr : &i->second;
}

const model_slot* queue_judge::slot_of(int32_t generation, int32_t admission) const {
  if (room() == nullptr) return nullptr;
  auto i = room()->slots.find({generation, admission});
  return i == room()->slots.end() ? nullptr : &i->second;
}

/// A turn is made while the one before is on its way, at the earliest: after the one before that.
instant queue_judge::decided_since() const {
  constexpr size_t turns_back = 3;
  return turns_.size() < turns_back ? instant{} : turns_[turns_.size() - turns_back];
}

/// Everybody was sent away.
void queue_judge::take_clear(const room_turn& x) {
  if (!asked_to_clear_) fail("I12: the room was cleared, and nobody had asked for it");
  generation_ = x.generation;
  cleared_at_ = time_.now();
  for (auto& [user, who] : people_)
    for (auto& y : who.stays)
      if (y.ended == instant{} && y.generation < generation_) y.ended = time_.now();
  std::erase_if(owners_, [](auto& y) { return !queue_place::of(y.first).direct; });
  waiting_.clear();
  list_.clear();
  used_.clear();
  drawn_.clear();
  drawn_at_.reset();
}

/// `leavers` are those of the turn that were not looked at yet.
void queue_judge::take_join(const room_join& x, const room_turn& of,
                            std::vector<place_code>& leavers) {
  // Whoever gives a number of the gate up and takes it again at once may do both in one turn.
  auto again =
    queue_place::of(x.place).direct ? leavers.end() : std::ranges::find(leavers, x.place);
  if (again != leavers.end() && has_on_record(x.place)) {
    leavers.erase(again);
    take_leaver(x.place, of);
  }
  auto& who = people_[x.user];
  auto place = queue_place::of(x.place);
  if (!who.asked_to_join) fail("I12: " + name_of(x.user) + " joined and had not asked for it");
  auto [owner, is_new] = owners_.emplace(x.place, x.user);
  // A number of the gate may be taken again by whoever gave it up while waiting.
  if (!is_new && (place.direct || waiting_[owner->second].contains(x.place)))
    fail("I12: " + name_of_place(x.place) + " was given twice");
  owner->second = x.user;
  if (!place.direct) {
    auto number = numbers_.find(place.number);
    if (number == numbers_.end() || number->second != x.user)
      fail("I12: " + name_of(x.user) + " has " + name_of_place(x.place) + ", and did not get it");
    if (used_.contains(x.place)) fail("I12: " + name_of_place(x.place) + " had a slot already");
    // Who is let in at once has used it up all the same.
    auto at_once = std::ranges::find(of.admissions, x.place, &room_admission::place);
    if (of.control.draw && at_once == of.admissions.end())
      fail("I12: " + name_of_place(x.place) + " counts beside a draw");
  }
  waiting_[x.user].insert(x.place);
  if (place.direct) list_.emplace_back(place.number, x.user);
  if (drawn_at_ && place.direct && place.number < draw_.cutoff && who.asked_to_join &&
      *who.asked_to_join >= *drawn_at_)
    fail("I12: " + name_of(x.user) + " came after the draw and got a place of it");
  auto known = find_stay(who, x.place);
  if (known == nullptr || (!place.direct && known->ended != instant{})) {
    who.stays.push_back({of.generation, x.place, time_.now(), {}, {}, false});
    known = &who.stays.back();
  }
  known->written = time_.now();
}

bool queue_judge::wanted_to_leave(const person& x, instant since) const {
  return x.asked_to_leave && (limits_.said_twice || *x.asked_to_leave + wishes_early >= since);
}

void queue_judge::end_stay(user_id user, place_code place, bool inside) {
  auto& who = people_[user];
  waiting_[user].erase(place);
  // Whoever is let in has no other place; whoever left may have come back since.
  auto known = find_stay(who, place);
  for (auto& x : who.stays)
    if (x.ended == instant{} && (inside || (known != nullptr && x.known <= known->known)))
      x.ended = time_.now();
  if (who.joins_since && *who.joins_since < time_.now() - joins_open) who.joins_since.reset();
}

bool queue_judge::has_on_record(place_code x) const {
  auto owner = owners_.find(x);
  if (owner == owners_.end()) return false;
  auto places = waiting_.find(owner->second);
  return places != waiting_.end() && places->second.contains(x);
}

/// Who gives a place up has asked for it, or was silent for as long as it takes to lose it.
void queue_judge::take_leaver(place_code place, const room_turn& of) {
  if (!has_on_record(place))
    return fail("I12: " + name_of_place(place) + " was given up, and nobody had it");
  auto user = owners_.at(place);
  auto& who = people_[user];
  auto known = find_stay(who, place);
  auto since = std::max(decided_since(), known == nullptr ? instant{} : known->known);
  auto comes_back = [&](const room_join& y) {
    return y.user == user && stand_of(y.place) != stand_of(place);
  };
  if (known != nullptr && std::ranges::any_of(of.joins, comes_back)) {
    known->ended = time_.now(); // A device has shown the ticket of an earlier place.
    waiting_[user].erase(place);
    return;
  }
  if (!wanted_to_leave(who, known == nullptr ? instant{} : known->known) &&
      stayed(who, known, since, limits_.stale_after - sweep_slack))
    fail("I12: " + name_of(user) + " was swept, and was there all the time");
  end_stay(user, place, false);
}

void queue_judge::take_admissions(const room_turn& x) {
  bool before_draw =
    x.control.draw && (x.control.draw->cutoff == 0 || x.control.draw->turn == x.turn);
  if (before_draw && !x.admissions.empty())
    fail("I12: somebody was let in before the draw was on record");
  for (auto& y : x.admissions) {
    auto& places = waiting_[y.user];
    if (y.place != 0 && !places.contains(y.place))
      fail("I12: " + name_of(y.user) + " was let in by a place that they do not have");
    if (y.place == 0 && !places.empty())
      fail("I12: " + name_of(y.user) + " was let in beside their place");
    if (y.place != 0 && !queue_place::of(y.place).direct) used_.insert(y.place);
    end_stay(y.user, y.place, true);
  }
}

/// k = 0: nobody is let in before somebody who stands before them and is there.
void queue_judge::check_overtaking(const room_admission& x) {
  auto since = decided_since();
  for (auto& [user, places] : waiting_) {
    for (auto place : places) {
      if (x.place != 0 && stand_of(place) > stand_of(x.place)) continue;
      auto& who = people_[user];
      auto known = find_stay(who, place);
      if (known == nullptr || known->written == instant{} || known->written > since) continue;
      if (!stayed(who, known, since, present_gap)) continue;
      fail("I12: " + name_of(x.user) + " (" +
           (x.place == 0 ? std::string{"just come"} : name_of_place(x.place)) +
           ") was let in before " + name_of(user) + " (" + name_of_place(place) + ")");
    }
  }
}

std::pair<bool, uint32_t> queue_judge::stand_of(place_code x) const {
  auto place = queue_place::of(x);
  auto drawn = place.direct ? drawn_.find(place.number) : drawn_.end();
  return {place.direct, drawn == drawn_.end() ? place.number : drawn->second};
}

bool queue_judge::present(const person& x, instant from, instant to, millis gap) {
  auto last = std::ranges::upper_bound(x.contacts, from);
  if (last == x.contacts.begin()) return false;
  auto at = *std::prev(last);
  for (; from - at <= gap && at < to; at = *last++) {
    if (last == x.contacts.end()) return to - at <= gap;
    if (*last - at > gap) return false;
  }
  return from - at <= gap;
}

/// Was there all the time since `since`, as far as the room can know: whoever has been away is
/// passed over until it hears that they are back.
bool queue_judge::stayed(const person& x, const stay* place, instant since, millis gap) const {
  auto last = place == nullptr ? instant{} : place->known;
  auto back = instant{};
  for (auto at : x.contacts) {
    if (at > since) break;
    if (last != instant{} && at > last + gap) back = at;
    last = std::max(last, at);
  }
  return present(x, since, time_.now(), gap) && (back == instant{} || back <= since - limits_.way);
}

/// active <= cap at every version. Who lowers the threshold throws nobody out; nor does who raises
/// and lowers it while one turn is made, in which people were let in meanwhile.
void queue_judge::check_cap(const room_turn& x) {
  auto now_inside = inside();
  auto cap = int64_t{x.control.threshold.value_or(static_cast<int32_t>(limits_.threshold))};
  for (auto& [at, asked] : asked_caps_)
    if (at + steer_lasts >= capped_at_) cap_ = std::max(cap_, int64_t{asked});
  if (now_inside > std::max({cap, cap_, inside_}))
    fail("I12: " + std::to_string(now_inside) + " are inside, the threshold is " +
         std::to_string(cap));
  cap_ = cap;
  capped_at_ = time_.now();
  inside_ = now_inside;
}

void queue_judge::check_ends() {
  for (auto& [key, slot] : room()->slots)
    if (slot.ended_at != instant{} && judged_.insert(key).second) check_end(key, slot);
}

void queue_judge::check_end(std::pair<int32_t, int32_t> key, const model_slot& x) {
  auto& who = people_[x.user];
  switch (x.why) {
  case slot_end::left:
    if (!wanted_to_leave(who, x.admitted_at))
      fail("I12: " + name_of(x.user) + " is said to have left, and had not asked for it");
    break;
  case slot_end::paid: {
    auto pays = [&](auto& y) {
      return y.actor == x.user && y.to == "confirmed" && y.at >= x.admitted_at;
    };
    if (std::ranges::none_of(model_.rows.history, pays))
      fail("I12: a slot of " + name_of(x.user) + " ended as paid, and nothing was");
    break;
  }
  case slot_end::expired: {
    auto told = who.slot_ends.find(key);
    if (told != who.slot_ends.end() && told->second.first == room()->now.epoch &&
        x.ended_at < told->second.second - limits_.clocks_err && x.ended_at < x.hard_end)
      fail("I12: a slot of " + name_of(x.user) + " ended before the time that they were told");
    break;
  }
  case slot_end::cleared:
    if (key.first >= generation_)
      fail("I12: a slot of " + name_of(x.user) + " ended as cleared, and nothing was");
    break;
  }
}

// -- the draw -------------------------------------------------------------------------------------

void queue_judge::check_draw(const room_turn& x) {
  auto& draw = x.control.draw;
  if (!drawn_at_) {
    if (draw && draw->cutoff != 0) check_first_draw(*draw);
    return;
  }
  auto wanted = draw_;
  if (draw) wanted.opens_at = draw->opens_at;
  if (draw != wanted) fail("I12: a draw was changed");
}

void queue_judge::check_first_draw(const room_draw& x) {
  if (x.opens_at > time_.now() + limits_.clocks_err) fail("I12: drawn before the opening");
  auto told = commitments_.find(generation_);
  if (told != commitments_.end() && told->second != commitment_to(x.seed))
    fail("I12: the seed is not the one that was committed to");
  sha256_digest list{};
  for (auto& [number, user] : list_) {
    if (number >= x.cutoff) fail("I12: somebody joined before the draw and is not of it");
    if (number >= x.from) list = with_line(list, number, x.seed, user);
  }
  if (list != x.list) fail("I12: the list of the draw is not the list of who had joined");
  uint32_t position = x.from;
  for (auto number : drawn_numbers({limits_.event, x.seed, x.list, x.from, x.cutoff}))
    drawn_[number] = position++;
  draw_ = x;
  drawn_at_ = time_.now();
}

/// What is shown of a draw is on record.
void queue_judge::check_told_draw(const board_draw& x, int32_t generation) {
  if (!x.wanted()) return;
  auto known = commitments_.emplace(generation, x.commitment).first;
  if (x.commitment != known->second) fail("I12: two commitments were told");
  if (!x.drawn() || generation < generation_) return;
  if (!drawn_at_) fail("I12: a draw was told that is not on record");
  else if (x.seed != draw_.seed || x.list != draw_.list || x.from != draw_.from ||
           x.cutoff != draw_.cutoff)
    fail("I12: another draw was told than is on record");
}

// -- what people are told -------------------------------------------------------------------------

void queue_judge::asks_to_join(user_id x) {
  auto& who = people_[x];
  if (!who.asked_to_join) who.asked_to_join = time_.now();
  if (!who.joins_since) who.joins_since = time_.now();
}

void queue_judge::asks_to_leave(user_id x) { people_[x].asked_to_leave = time_.now(); }

void queue_judge::heard_left(user_id x, instant asked) {
  ++answers_["leave ok"];
  auto& who = people_[x];
  for (auto& y : who.stays)
    if (y.ended == instant{} && y.written != instant{} && y.written < asked)
      fail("I12: " + name_of(x) + " was told that they have left, and still has " +
           name_of_place(y.place));
  if (room() == nullptr) return;
  for (auto& [key, slot] : room()->slots)
    if (slot.user == x && slot.ended_at == instant{} && slot.admitted_at < asked &&
        slot.hard_end > time_.now())
      fail("I12: " + name_of(x) + " was told that they have left, and is still inside");
}

void queue_judge::heard(const told_standing& x) {
  auto& who = people_[x.user];
  check_told_draw(x.said.draw, x.said.ticket.generation);
  if (x.from_board) {
    std::pair shown{x.epoch, x.said.version};
    if (auto last = std::exchange(boards_[x.at], shown); last > shown)
      fail("I24: node " + std::to_string(x.at.node) + " tells by an older board than before");
  }
  auto how = std::string{x.from_board ? " by a board" : ""};
  switch (x.said.state) {
  case queue_state::queued:
  case queue_state::pre_queue:
    ++answers_[(x.said.state == queue_state::queued ? "queued" : "pre-queue") + how];
    who.contacts.push_back(
      std::max(x.asked, who.contacts.empty() ? instant{} : who.contacts.back()));
    return heard_waiting(x, who);
  case queue_state::active: ++answers_["active" + how]; return heard_inside(x, who);
  case queue_state::absent: ++answers_["not in queue" + how]; return heard_absent(x, who);
  }
}

queue_judge::stay* queue_judge::find_stay(person& x, place_code place) const {
  auto wanted = [&](const stay& y) { return y.place == place && y.generation == generation_; };
  auto i = std::find_if(x.stays.rbegin(), x.stays.rend(), wanted);
  return i == x.stays.rend() ? nullptr : &*i;
}

void queue_judge::heard_waiting(const told_standing& x, person& who) {
  auto place = x.said.ticket.place.code();
  if (x.said.ticket.generation > generation_)
    fail("I12: " + name_of(x.user) + " waits in a room that is not cleared on record");
  if (x.said.ticket.generation < generation_) {
    if (cleared_at_ < x.asked - limits_.old_news)
      fail("I12: " + name_of(x.user) + " is told to wait in a room that was cleared long ago");
    return;
  }
  auto known = find_stay(who, place);
  // A number of the gate can be taken again, but not after a slot was got for it; and only a room
  // gives places. A board, or a room that was replaced, may be of before the end.
  auto newest = !x.from_board && (room() == nullptr || x.epoch >= room()->now.epoch);
  auto again = !x.said.ticket.place.direct && newest && !used_.contains(place) &&
               known != nullptr && known->ended != instant{} && known->ended < x.asked;
  if (known == nullptr || again) heard_new_place(x, who);
  else if (known->written == instant{}) known->ended = {}; // Its ticket is good for a while.
  else if (known->ended != instant{} && known->ended < x.asked - limits_.old_news)
    fail("I12: " + name_of(x.user) + " is told to wait at " + name_of_place(place) +
         ", which is over for long");
  if (x.said.state != queue_state::queued) return;
  auto [at, fresh] =
    versions_.emplace(std::tuple{x.user, x.epoch, x.said.version}, std::pair{place, x.said.ahead});
  if (!fresh && at->second != std::pair{place, x.said.ahead})
    fail("I12: " + name_of(x.user) + " hears two places at one version: " +
         std::to_string(at->second.second) + " ahead, and " + std::to_string(x.said.ahead));
  check_ahead(x);
}

/// A place is kept by whoever shows its ticket, and by everybody once it is on record.
void queue_judge::heard_new_place(const told_standing& x, person& who) {
  auto place = x.said.ticket.place.code();
  for (auto& y : who.stays) {
    if (y.ended != instant{} || wanted_to_leave(who, y.known)) continue;
    auto shown = x.shown.place.code() == y.place && x.epoch - x.shown.epoch <= crashes_survived;
    auto lasted = present(who, y.known, x.asked, limits_.stale_after - sweep_slack);
    if ((y.written != instant{} && y.written < x.asked) || (shown && lasted && !y.forked))
      fail("I12: " + name_of(x.user) + " had " + name_of_place(y.place) + " and is told of " +
           name_of_place(place) + (shown ? " although they show it" : ""));
    y.forked = true;
  }
  who.stays.push_back({generation_, place, time_.now(), {}, {}, false});
}

/// Nobody stands behind more people than can stand there.
void queue_judge::check_ahead(const told_standing& x) {
  auto mine = stand_of(x.said.ticket.place.code());
  auto old = x.asked - limits_.old_news;
  uint32_t most = 0;
  for (auto& [user, other] : people_) {
    if (user == x.user) continue;
    auto before = [&](const stay& y) {
      return stand_of(y.place) < mine && (y.ended == instant{} || y.ended > old);
    };
    auto ended = [](const stay& y) { return y.ended != instant{}; };
    auto unknown = other.joins_since && std::ranges::all_of(other.stays, ended);
    most += static_cast<uint32_t>(std::ranges::count_if(other.stays, before)) + (unknown ? 1 : 0);
  }
  if (x.said.ahead > most)
    fail("I12: " + name_of(x.user) + " hears of " + std::to_string(x.said.ahead) +
         " people ahead, and there are " + std::to_string(most) + " at most");
}

void queue_judge::heard_inside(const told_standing& x, person& who) {
  auto slot = slot_of(x.said.ticket.generation, x.said.admission);
  if (slot == nullptr || slot->user != x.user)
    return fail("I12: " + name_of(x.user) + " is told of a slot that is not on record");
  if (slot->ended_at != instant{} && slot->ended_at < x.asked - limits_.old_news)
    fail("I12: " + name_of(x.user) + " is told to be inside, and is not for long");
  if (x.said.slot_end > slot->hard_end + limits_.clocks_err)
    fail("I12: " + name_of(x.user) + " is told of an end after the slot's hard end");
  auto& last = who.slot_ends[{x.said.ticket.generation, x.said.admission}];
  last = std::max(last, std::pair{x.epoch, x.said.slot_end});
}

void queue_judge::heard_absent(const told_standing& x, const person& who) {
  for (auto& y : who.stays) {
    if (y.ended != instant{} || wanted_to_leave(who, y.known)) continue;
    auto written = y.written != instant{} && y.written < x.asked;
    auto newest = room() == nullptr || x.epoch >= room()->now.epoch;
    auto proves = x.shown.place.code() == y.place && x.shown.epoch > x.epoch;
    if (written && (newest || proves) && present(who, y.known, x.asked, present_gap))
      fail("I12: " + name_of(x.user) + " waits at " + name_of_place(y.place) +
           " and is told that they do not" + (newest ? "" : " (by an old room)"));
  }
}

void queue_judge::entered(user_id x, int32_t generation, int32_t admission,
                          const room_board* board) {
  ++answers_["entered"];
  auto slot = slot_of(generation, admission);
  if (slot == nullptr || slot->user != x)
    return fail("I12: " + name_of(x) + " came in with a pass for nobody's slot");
  auto now = time_.now();
  if (now > slot->hard_end + limits_.clocks_err)
    fail("I12: a pass of " + name_of(x) + " has outlived its slot");
  if (slot->ended_at == instant{}) return;
  if (healed_at_ && now > *healed_at_ + settled && now > slot->ended_at + heard_of_after)
    fail("I24: " + name_of(x) + " came in with the pass of a slot that ended long ago");
  if (board == nullptr || board->generation != generation || admission >= board->next_slot) return;
  auto bit = static_cast<size_t>(admission - board->first_slot);
  if (admission < board->first_slot || (board->open_slots[bit / 64] >> (bit % 64) & 1) == 0)
    fail("I24: " + name_of(x) + " came in with a pass that the board says is over");
}

// -- at rest --------------------------------------------------------------------------------------

bool queue_judge::at_rest() const { return open_at_rest().empty(); }

std::string queue_judge::open_at_rest() const {
  for (auto& [user, places] : waiting_)
    for (auto place : places) return name_of(user) + " waits at " + name_of_place(place);
  if (room() == nullptr) return {};
  for (auto& [key, slot] : room()->slots)
    if (slot.ended_at == instant{} && slot.hard_end > time_.now())
      return name_of(slot.user) + " is inside";
  return {};
}

} // namespace tk::sim
