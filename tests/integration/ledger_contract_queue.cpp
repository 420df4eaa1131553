#define CAF_SUITE ledger_contract_queue

#include <algorithm>
#include <iterator>

#include "actors/waiting_room/people.hpp"
#include "tests/integration/ledger_fixture.hpp"

using namespace tk;
using namespace std::chrono_literals;

namespace {

constexpr uint32_t direct(uint32_t n) { return n | 0x80000000u; }

struct fixture : test::payment_fixture {
  static constexpr uint16_t room_shard = 21;
  int64_t last_turn = 0;

  /// The next turn, with nothing in it.
  room_turn turn(int32_t generation = 1) {
    room_turn x;
    x.event = event;
    x.room = at(room_shard);
    x.turn = ++last_turn;
    x.generation = generation;
    x.reserved_to = 10'001;
    return x;
  }

  room_join joins(uint32_t place) { return {place, fresh<user_id>()}; }
  static room_admission admits(int32_t number, const room_join& x) {
    return {number, x.user, x.place};
  }

  /// Everybody joins in one turn.
  std::vector<room_join> joined(const std::vector<uint32_t>& places, int32_t generation = 1) {
    auto x = turn(generation);
    std::ranges::transform(places, std::back_inserter(x.joins), [&](auto p) { return joins(p); });
    does(x);
    return x.joins;
  }

  /// Users who come in without waiting.
  std::vector<user_id> admitted(size_t count, int32_t slot_max_s = 1800) {
    auto x = turn();
    x.slot_max_s = slot_max_s;
    auto number = world->room(event).next_admission;
    x.admissions.reserve(count);
    for (size_t i = 0; i < count; ++i) x.admissions.push_back({number++, fresh<user_id>(), 0});
    does(x);
    std::vector<user_id> out;
    std::ranges::transform(x.admissions, std::back_inserter(out), &room_admission::user);
    return out;
  }

  void ended(std::vector<room_slot_end> what) {
    auto x = turn();
    x.ends = std::move(what);
    does(x);
  }

  void torn(const op& x) {
    const auto before = world->counts();
    CAF_CHECK(run({x}).is == batch_status::torn);
    CAF_CHECK(world->counts() == before);
  }

  std::vector<uint32_t> waiting() {
    std::vector<uint32_t> out;
    std::ranges::transform(world->room(event).waiting, std::back_inserter(out), &room_join::place);
    return out;
  }

  std::vector<int32_t> open_slots() {
    std::vector<int32_t> out;
    std::ranges::transform(world->room(event).slots, std::back_inserter(out), &room_slot::number);
    return out;
  }

  std::vector<std::string> reasons() {
    std::vector<std::string> out;
    std::ranges::transform(world->admissions(event), std::back_inserter(out),
                           &admission_entry::why);
    return out;
  }

  /// A slot of the user who has the reservation.
  void admit_buyer() {
    auto x = turn();
    x.admissions.push_back({world->room(event).next_admission, user, 0});
    does(x);
  }

  /// Looks who has paid since.
  verdict look(instant since) {
    auto x = turn();
    x.paid_since = since;
    auto v = judge({x}).front();
    CAF_CHECK_EQUAL(v.is, outcome::ok);
    return v;
  }
};

using places = std::vector<uint32_t>;
using numbers = std::vector<int32_t>;
using words = std::vector<std::string>;
using gaps = std::vector<number_range>;

} // namespace

CAF_TEST_FIXTURE_SCOPE(ledger_contract_queue_cases, fixture)

// -- what is loaded -------------------------------------------------------------------------------

CAF_TEST(a room that never was has nobody in it) {
  const auto room = world->room(event);
  CAF_CHECK(room.known);
  CAF_CHECK(room.turn == 0 && room.generation == 1 && room.next_admission == 1);
  CAF_CHECK(room.reserved_to == 1 && room.unwritten.empty());
  CAF_CHECK(room.waiting.empty() && room.slots.empty());
  CAF_CHECK(!world->room(fresh<event_id>()).known);
}

CAF_TEST(who joined waits by place and the gated before all direct ones) {
  const auto first = joined({direct(2), 7, direct(1)});
  const auto second = joined({direct(5), 3});
  const auto room = world->room(event);
  CAF_CHECK_EQUAL(room.turn, 2);
  CAF_CHECK_EQUAL(room.reserved_to, 10'001);
  CAF_CHECK(room.unwritten == (gaps{{3, 5}, {6, 10'001}}));
  const std::vector<room_join> expected{second[1], first[1], first[2], first[0], second[0]};
  CAF_CHECK(room.waiting == expected);
}

CAF_TEST(the greatest numbers of both kinds come back as they went) {
  joined({0x7fffffffu, direct(0x7ffffffeu), 1, direct(1)});
  CAF_CHECK(waiting() == (places{1, 0x7fffffffu, direct(1), direct(0x7ffffffeu)}));
  CAF_CHECK(world->room(event).unwritten == (gaps{{2, 0x7ffffffeu}}));
}

CAF_TEST(who left or got a slot waits no more but the number stays used) {
  const auto all = joined({direct(1), direct(2), direct(3), 9});
  auto x = turn();
  x.leavers = {direct(3)};
  x.admissions = {admits(1, all[3]), {2, fresh<user_id>(), 0}};
  does(x);
  const auto room = world->room(event);
  CAF_CHECK(waiting() == (places{direct(1), direct(2)}));
  CAF_CHECK(room.unwritten == (gaps{{4, 10'001}}));
  CAF_CHECK_EQUAL(room.next_admission, 3);
  CAF_REQUIRE_EQUAL(room.slots.size(), 2u);
  CAF_CHECK(room.slots[0].user == all[3].user && room.slots[1].user == x.admissions[1].user);
  const auto rows = world->admissions(event);
  CAF_CHECK(rows[0].place == 9 && rows[1].place == 0);
}

CAF_TEST(somebody may join and leave or join and get a slot in one turn) {
  auto x = turn();
  x.joins = {joins(direct(1)), joins(direct(2)), joins(direct(3))};
  x.leavers = {direct(1)};
  x.admissions = {admits(1, x.joins[1])};
  does(x);
  CAF_CHECK(waiting() == (places{direct(3)}));
  CAF_CHECK(open_slots() == (numbers{1}));
}

CAF_TEST(a number of the gate that was given up may be taken again) {
  const auto first = joined({5, 6});
  auto x = turn();
  x.leavers = {5, 6};
  does(x);
  auto y = turn();
  y.joins = {joins(5)};
  does(y);
  CAF_REQUIRE_EQUAL(world->room(event).waiting.size(), 1u);
  CAF_CHECK(world->room(event).waiting[0] == y.joins[0]); // Whoever took it last.
  auto z = turn();                                        // Given up and taken in one turn.
  z.leavers = {5};
  z.joins = {joins(5), joins(6)};
  z.admissions = {admits(1, z.joins[1])};
  does(z);
  CAF_REQUIRE_EQUAL(world->room(event).waiting.size(), 1u);
  CAF_CHECK(world->room(event).waiting[0] == z.joins[0]);
}

CAF_TEST(numbers of the gate that were given up for a slot are told) {
  const auto all = joined({direct(1), 9, 4, 7});
  auto x = turn();
  x.admissions = {admits(1, all[0]), admits(2, all[1]), admits(3, all[2])};
  x.leavers = {7};
  does(x);
  CAF_CHECK(world->room(event).used_gate_numbers == (places{4, 9}));
  does(turn(2));
  CAF_CHECK(world->room(event).used_gate_numbers.empty());
}

CAF_TEST(what organisers set is kept and taken back) {
  auto x = turn();
  x.control = {250, 40, true, true, {}};
  does(x);
  CAF_CHECK(world->room(event).control == x.control);
  auto y = turn();
  y.control.threshold = 0;
  does(y);
  CAF_CHECK(world->room(event).control == y.control);
}

CAF_TEST(a pre-queue is kept and its draw is made once) {
  auto x = turn();
  x.control.follow_inventory = true;
  x.control.draw = room_draw{sha256("seed"), from_ms(1'900'000'000'000), 1, 0, 0, {}};
  x.joins = {joins(direct(1)), joins(direct(2))};
  x.control.draw->list = sha256("list");
  does(x);
  CAF_CHECK(world->room(event).control == x.control);
  auto moved = turn();
  moved.control = x.control;
  moved.control.draw->opens_at += millis{5000}; // Before the draw.
  does(moved);
  auto drawn = turn();
  drawn.control = moved.control;
  drawn.control.draw->cutoff = 3;
  drawn.control.draw->turn = drawn.turn;
  does(drawn);
  CAF_CHECK(world->room(event).control == drawn.control);
  auto next = turn();
  next.control = drawn.control;
  auto redrawn = [&](auto change) {
    auto y = next;
    change(y.control.draw);
    torn(y);
  };
  redrawn([](auto& y) { y->seed = sha256("another"); });
  redrawn([](auto& y) { y->cutoff = 4; });
  redrawn([](auto& y) { y->from = 2; });
  redrawn([](auto& y) { y->list = sha256("another"); });
  redrawn([](auto& y) { y->turn = 9; });
  redrawn([](auto& y) { y.reset(); });
  does(next);
  auto cleared = turn(2); // It is over with its generation.
  does(cleared);
  CAF_CHECK(!world->room(event).control.draw);
}

// -- verdicts -------------------------------------------------------------------------------------

CAF_TEST(a turn that is on record is done and changes nothing) {
  auto x = turn();
  x.joins = {joins(direct(1))};
  x.admissions = {{1, fresh<user_id>(), 0}};
  does(x);
  refused(x, outcome::done);
  joined({direct(2)});
  refused(x, outcome::done);
  CAF_CHECK(waiting() == (places{direct(1), direct(2)}));
}

CAF_TEST(a batch that may have committed is sent again and each turn is written once) {
  const auto x = turn();
  auto y = turn();
  y.turn = x.turn; // Of another room.
  y.event = fresh<event_id>();
  world->add_event({y.event, false, world->now() - 1h, instant::max()});
  judged({x, y}, {outcome::ok, outcome::ok});
  judged({x, y}, {outcome::done, outcome::done});
  CAF_CHECK_EQUAL(world->room(y.event).turn, 1);
}

CAF_TEST(an owner that was replaced is fenced and its turn is not taken for the next owners) {
  joined({direct(1)});
  auto old = turn();
  old.joins = {joins(direct(2))};
  take_over(room_shard);
  refused(old, outcome::fenced);
  auto next = turn();
  next.turn = old.turn;
  next.joins = {joins(direct(3))};
  does(next);
  refused(old, outcome::fenced); // The same number, but another turn.
  refused(next, outcome::done);
  CAF_CHECK(waiting() == (places{direct(1), direct(3)}));
}

CAF_TEST(a turn that happened is done even when its owner was replaced since) {
  auto x = turn();
  x.joins = {joins(direct(1))};
  does(x);
  take_over(room_shard);
  refused(x, outcome::done);
}

CAF_TEST(two turns of one room in a batch: the second waits) {
  auto x = turn(), y = turn();
  x.joins = {joins(direct(1))};
  y.joins = {joins(direct(2))};
  judged({x, y}, {outcome::ok, outcome::in_flight});
  CAF_CHECK(waiting() == (places{direct(1)}));
  judged({x, y}, {outcome::done, outcome::in_flight});
  does(y);
  CAF_CHECK(waiting() == (places{direct(1), direct(2)}));
}

CAF_TEST(two rooms in one batch get what is theirs) {
  const auto mine = joined({direct(1), direct(2)});
  auto x = turn();
  auto y = turn();
  y.event = fresh<event_id>();
  y.turn = 1;
  world->add_event({y.event, false, world->now() - 1h, instant::max()});
  x.joins = {joins(direct(3)), joins(4)};
  x.leavers = {direct(1)};
  x.admissions = {admits(1, mine[1])};
  y.joins = {joins(direct(1)), joins(direct(2)), joins(direct(3))};
  y.leavers = {direct(2), direct(3)};
  y.admissions = {{1, fresh<user_id>(), 0}, {2, fresh<user_id>(), 0}};
  y.ends = {{2, slot_end::left}};
  judged({x, y}, {outcome::ok, outcome::ok});
  CAF_CHECK(waiting() == (places{4, direct(3)}));
  CAF_CHECK(open_slots() == (numbers{1}));
  const auto other = world->room(y.event);
  CAF_REQUIRE_EQUAL(other.waiting.size(), 1u);
  CAF_CHECK(other.waiting[0] == y.joins[0]);
  CAF_REQUIRE_EQUAL(other.slots.size(), 1u);
  CAF_CHECK(other.slots[0].user == y.admissions[0].user);
}

CAF_TEST(what a room cannot send is torn and its neighbour is not) {
  admitted(2);
  auto gap = turn();
  ++gap.turn;
  torn(gap);
  auto good = turn(); // Takes that number back.
  good.turn = gap.turn - 1;
  last_turn = good.turn;
  auto bad = good;
  bad.reserved_to = 10'000; // Somebody may have been given 10,000.
  torn(bad);
  bad = good;
  bad.generation = 0;
  torn(bad);
  bad = good;
  bad.admissions = {{2, fresh<user_id>(), 0}}; // Exists.
  torn(bad);
  bad.admissions = {{4, fresh<user_id>(), 0}}; // 3 is left out.
  torn(bad);
  bad.admissions = {{3, fresh<user_id>(), 0}, {5, fresh<user_id>(), 0}};
  torn(bad);
  bad = good;
  bad.ends = {{3, slot_end::left}}; // Of nothing.
  torn(bad);
  bad = good;
  bad.control.threshold = -1;
  torn(bad);
  bad = good;
  bad.slot_max_s = 0;
  bad.admissions = {{3, fresh<user_id>(), 0}};
  torn(bad);
  bad = good;
  bad.event = fresh<event_id>(); // There is no such event.
  bad.turn = 1;
  torn(bad);
  does(good);
}

CAF_TEST(the first turn of a room is number one) {
  auto x = turn();
  x.turn = 2;
  torn(x);
}

// -- slots ----------------------------------------------------------------------------------------

CAF_TEST(a slot has its hard end from ledger time and is open until then) {
  const auto before = world->now();
  admitted(2, 1);
  const auto room = world->room(event);
  CAF_REQUIRE_EQUAL(room.slots.size(), 2u);
  CAF_CHECK(room.slots[0].hard_end >= before + 1s);
  CAF_CHECK(room.slots[0].hard_end <= world->now() + 1s);
  world->wait_past(room.slots[1].hard_end);
  CAF_CHECK(open_slots().empty());
  CAF_CHECK(reasons() == (words{"", ""})); // Nobody has written it down.
  look(world->now());
  CAF_CHECK(reasons() == (words{"expired", "expired"}));
  const auto rows = world->admissions(event);
  CAF_CHECK(rows[0].ended_at == rows[0].hard_end);
}

CAF_TEST(an end is written once and the first one stays) {
  admitted(3);
  ended({{1, slot_end::left}, {3, slot_end::expired}});
  CAF_CHECK(open_slots() == (numbers{2}));
  const auto before = world->admissions(event);
  CAF_CHECK(before[0].ended_at >= before[0].admitted_at && before[0].ended_at <= world->now());
  ended({{1, slot_end::expired}, {2, slot_end::left}, {2, slot_end::expired}});
  CAF_CHECK(reasons() == (words{"left", "left", "expired"}));
  CAF_CHECK(world->admissions(event)[0].ended_at == before[0].ended_at);
}

CAF_TEST(an end that is late is of the hard end) {
  admitted(1, 1);
  const auto hard_end = world->admissions(event)[0].hard_end;
  world->wait_past(hard_end);
  ended({{1, slot_end::expired}});
  CAF_CHECK(world->admissions(event)[0].ended_at == hard_end);
}

CAF_TEST(a slot may begin and end in one turn) {
  admitted(1);
  auto x = turn();
  x.admissions = {{2, fresh<user_id>(), 0}, {3, fresh<user_id>(), 0}};
  x.ends = {{1, slot_end::expired}, {3, slot_end::left}};
  does(x);
  CAF_CHECK(reasons() == (words{"expired", "", "left"}));
  CAF_CHECK_EQUAL(world->room(event).next_admission, 4);
}

CAF_TEST(the end of a slot makes room for the same user again) {
  const auto who = admitted(1).front();
  auto x = turn();
  x.ends = {{1, slot_end::left}};
  x.admissions = {{2, who, 0}};
  does(x);
  CAF_CHECK(open_slots() == (numbers{2}));
}

// -- generations ----------------------------------------------------------------------------------

CAF_TEST(a new generation starts empty and ends every slot of the old one) {
  joined({direct(1), direct(2), 5});
  admitted(3);
  ended({{2, slot_end::left}});
  auto x = turn(2);
  x.joins = {joins(direct(12))};
  x.admissions = {{1, fresh<user_id>(), 0}};
  does(x);
  const auto room = world->room(event);
  CAF_CHECK_EQUAL(room.generation, 2);
  CAF_CHECK(waiting() == (places{direct(12)}));
  CAF_CHECK(open_slots() == (numbers{1}));
  CAF_CHECK(room.slots[0].user == x.admissions[0].user);
  CAF_CHECK_EQUAL(room.next_admission, 2);
  CAF_CHECK(room.unwritten == (gaps{{1, 12}, {13, 10'001}}) && room.reserved_to == 10'001);
  CAF_CHECK(reasons() == (words{"cleared", "left", "cleared", ""}));
  refused(x, outcome::done);
  auto back = turn(1);
  torn(back);
}

CAF_TEST(an empty turn of a new generation clears) {
  joined({direct(1)});
  admitted(1);
  does(turn(2));
  CAF_CHECK(waiting().empty() && open_slots().empty());
  CAF_CHECK(world->room(event).unwritten == (gaps{{1, 10'001}}));
  CAF_CHECK_EQUAL(world->room(event).next_admission, 1);
}

// -- paid -----------------------------------------------------------------------------------------

CAF_TEST(who pays has had the slot) {
  const auto start = world->now();
  admitted(1);
  admit_buyer();
  CAF_CHECK(look(start).paid.empty());
  world->wait_past(world->now());
  sold();
  const auto v = look(start);
  CAF_CHECK(v.paid == (numbers{2}));
  CAF_CHECK(v.at >= start && v.at <= world->now());
  CAF_CHECK(open_slots() == (numbers{1}));
  CAF_CHECK(reasons() == (words{"", "paid"}));
}

CAF_TEST(a turn that does not look ends nothing) {
  admit_buyer();
  world->wait_past(world->now());
  sold();
  auto x = turn();
  CAF_CHECK(judge({x}).front().paid.empty());
  CAF_CHECK(open_slots() == (numbers{1}));
}

CAF_TEST(whoever paid before keeps the slot) {
  sold();
  world->wait_past(world->now());
  admit_buyer();
  CAF_CHECK(look(world->now()).paid.empty());
  CAF_CHECK(open_slots() == (numbers{1}));
}

CAF_TEST(holding is not paying and paying for another event is not either) {
  admit_buyer();
  const auto here = event;
  event = fresh<event_id>();
  open_event();
  held_seat = seat();
  held_type = type(10);
  order = hold(wanted());
  world->wait_past(world->now());
  sold();
  event = here;
  CAF_CHECK(look(from_ms(1)).paid.empty());
  CAF_CHECK(open_slots() == (numbers{1}));
}

CAF_TEST(who paid and took the money back has had the slot too) {
  admit_buyer();
  world->wait_past(world->now());
  sold();
  does(cancelling());
  CAF_CHECK(look(from_ms(1)).paid == (numbers{1}));
}

CAF_TEST(what has ended as paid is told again as long as it is asked for) {
  admit_buyer();
  world->wait_past(world->now());
  sold();
  auto x = turn();
  x.paid_since = from_ms(1);
  const auto first = judge({x}).front(); // Its answer is lost.
  CAF_CHECK(first.paid == (numbers{1}));
  const auto again = judge({x}).front();
  CAF_CHECK_EQUAL(again.is, outcome::done);
  CAF_CHECK(again.paid == (numbers{1}));
  CAF_CHECK(look(first.at).paid == (numbers{1}));
  world->wait_past(world->now());
  CAF_CHECK(look(world->now()).paid.empty());
}

CAF_TEST(a payment is the reason whatever the room says of the slot in the same turn) {
  admit_buyer();
  world->wait_past(world->now());
  sold();
  auto x = turn();
  x.paid_since = from_ms(1);
  x.ends = {{1, slot_end::expired}};
  CAF_CHECK(judge({x}).front().paid == (numbers{1}));
  CAF_CHECK(reasons() == (words{"paid"}));
}

CAF_TEST(a slot that the room has ended before is not told) {
  admit_buyer();
  ended({{1, slot_end::left}});
  world->wait_past(world->now());
  sold();
  CAF_CHECK(look(from_ms(1)).paid.empty());
  CAF_CHECK(reasons() == (words{"left"}));
}

CAF_TEST(a refused turn tells nobody and looks at nothing) {
  admit_buyer();
  world->wait_past(world->now());
  sold();
  auto x = turn();
  x.paid_since = from_ms(1);
  take_over(room_shard);
  const auto v = judge({x}).front();
  CAF_CHECK_EQUAL(v.is, outcome::fenced);
  CAF_CHECK(v.paid.empty());
  CAF_CHECK(reasons() == (words{""}));
}

// -- size -----------------------------------------------------------------------------------------

CAF_TEST(ten thousand joins and a thousand slots are one turn) {
  auto x = turn();
  x.joins.reserve(10'000);
  x.admissions.reserve(1'000);
  for (uint32_t i = 1; i <= 10'000; ++i) x.joins.push_back(joins(direct(10'001 - i)));
  for (int32_t i = 1; i <= 1'000; ++i)
    x.admissions.push_back(admits(i, x.joins[static_cast<size_t>(10'000 - i)]));
  x.reserved_to = 20'001;
  does(x);
  auto y = turn();
  y.reserved_to = 20'001;
  y.paid_since = from_ms(1);
  y.ends.reserve(1'000);
  y.leavers.reserve(5'000);
  for (int32_t i = 1; i <= 1'000; ++i) y.ends.push_back({i, slot_end::left});
  for (uint32_t i = 5'001; i <= 10'000; ++i) y.leavers.push_back(direct(i));
  does(y);
  const auto room = world->room(event);
  CAF_CHECK(room.slots.empty());
  CAF_CHECK_EQUAL(room.next_admission, 1'001);
  CAF_CHECK(room.unwritten == (gaps{{10'001, 20'001}}));
  CAF_REQUIRE_EQUAL(room.waiting.size(), 4'000u);
  CAF_CHECK_EQUAL(room.waiting.front().place, direct(1'001));
  CAF_CHECK(room.waiting.back() == x.joins[5'000]);
}

CAF_TEST_FIXTURE_SCOPE_END()
