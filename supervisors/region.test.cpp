#define CAF_SUITE region

#include "supervisors/region.hpp"

#include <algorithm>
#include <memory>

#include "supervisors/mailbox.hpp"
#include "supervisors/shard_figures.hpp"
#include "tests/support/node_rig.hpp"

using namespace tk;
using namespace tk::rig;

namespace {

const user_id alice = user_no(1), bob = user_no(2);
const entity_key block0 = key_of(event_no(1), 0);

region_settings tight() {
  region_settings x;
  x.buffered_max = 3;
  x.restarts_max = 2;
  return x;
}

struct fixture : node_rig {
  fixture() : node_rig(tight()) { open_sale(); }

  auto describe() { return send<event_actor>(key_of(event_no(1)), describe_event{}); }
  auto wake() { return send<seat_block_actor>(block0, wake_block{}); }
  void deliver_reads() {
    st.reads_held = false;
    deliver(std::exchange(st.held_reads, {}));
  }
  /// The entity dies of an exception, as CAF sees it: an exit with an error as reason.
  void crash(const entity_key& key) {
    tell_exit(key, caf::sec::runtime_error);
    run();
  }
  void tell_exit(const entity_key& key, caf::error reason) {
    auto until = now() + millis{1000};
    caf::anon_send(node.region, envelope{key, until,
                                         caf::make_message(caf::exit_msg{node.region.address(),
                                                                         std::move(reason)})});
  }
  entity_look look(const entity_key& key) {
    auto out = std::make_shared<entity_look>();
    auto client = [=, this](caf::event_based_actor* self, int) {
      self->request(node.region, caf::infinite, look_at_entity{key})
        .then([out](const entity_look& x) { *out = x; },
              [](caf::error&) { CAF_FAIL("no answer"); });
    };
    sys.spawn(client, 0);
    run();
    return *out;
  }
  std::shared_ptr<mailbox_look> look_into(const entity_key& key) {
    auto out = std::make_shared<mailbox_look>(mailbox_look{mailbox_look::state::none, 99});
    auto client = [=, this](caf::event_based_actor* self, int) {
      self->request(node.region, caf::infinite, look_into_mailbox{key})
        .then([out](const mailbox_look& x) { *out = x; },
              [](caf::error&) { CAF_FAIL("no answer"); });
    };
    sys.spawn(client, 0);
    return out;
  }
  /// Lets whoever asks ask, and the region pass it on: then the block does not get to it.
  caf::resumable* take_job_of_block() {
    sched.run_once();
    sched.run_once();
    CAF_REQUIRE_EQUAL(sched.jobs.size(), 1u);
    auto out = sched.jobs.front();
    sched.jobs.pop_front();
    return out;
  }
  void suspend() {
    caf::anon_send(node.region, atom::suspend_v);
    run();
  }
  void thaw(bool reload) {
    caf::anon_send(node.region, atom::thaw_v, reload);
    run();
  }
  /// The node lost the shard of block 0 and got it back.
  void move_block() {
    auto shard = shard_of(block0);
    st.rows.epochs[shard] = ++node.epochs.epochs[shard];
    thaw(true);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(region_tests, fixture)

CAF_TEST(an entity counts its own mailbox ahead of what waits in it) {
  using state = mailbox_look::state;
  auto asleep = look_into(block0);
  run();
  CAF_CHECK(asleep->is == state::none);
  CAF_CHECK(look(block0).is == entity_look::state::asleep);
  wake();
  run();
  auto alone = look_into(block0);
  run();
  CAF_CHECK(alone->is == state::counted);
  CAF_CHECK_EQUAL(alone->messages, 0u);
  auto x = wake();
  auto block = take_job_of_block();
  auto y = wake(), z = wake();
  auto crowded = look_into(block0);
  run();
  sched.jobs.push_back(block);
  run();
  CAF_CHECK(crowded->is == state::counted);
  CAF_CHECK_EQUAL(crowded->messages, 3u);
  CAF_CHECK_EQUAL(x->count + y->count + z->count, 3);
}

CAF_TEST(an entity that is stuck is told as silent and not as empty) {
  wake();
  run();
  auto x = look_into(block0);
  auto block = take_job_of_block();
  pass(mailbox_patience + millis{10});
  CAF_CHECK(x->is == mailbox_look::state::silent);
  sched.jobs.push_back(block);
  run();
}

CAF_TEST(every kind of entity counts its mailbox) {
  std::vector<entity_key> keys{key_of(event_no(1)), block0};
  keys.push_back(key_of(alice));
  wake();
  request<event_actor>(key_of(event_no(1)), describe_event{});
  request<session_actor>(key_of(alice), cancel_reservation{});
  run();
  for (auto& key : keys) {
    auto x = look_into(key);
    run();
    CAF_CHECK(x->is == mailbox_look::state::counted);
  }
}

// -- starting -------------------------------------------------------------------------------------

CAF_TEST(an entity is started on demand and once) {
  auto loads = st.loads;
  auto x = wake(), y = wake();
  run();
  CAF_CHECK_EQUAL(x->count, 1);
  CAF_CHECK_EQUAL(y->count, 1);
  CAF_CHECK_EQUAL(st.loads, loads + 1);
  CAF_CHECK_EQUAL(node.probe.blocks_active.load(), 1);
}

CAF_TEST(what a shard has awake and what came for it is counted) {
  shard_table shards;
  auto& mine = shards[shard_of(block0)];
  stop(node.region);
  node.region = spawn_region(node, tight(), shards);
  auto x = wake(), y = wake();
  run();
  CAF_CHECK_EQUAL(mine.asked.load(), 2u);
  CAF_CHECK_EQUAL(mine.awake.load(), 1);
  crash(block0); // It is revived, because its board would stay.
  CAF_CHECK_EQUAL(mine.awake.load(), 1);
  move_block();
  CAF_CHECK_EQUAL(mine.awake.load(), 0);
  CAF_CHECK_EQUAL(x->count + y->count, 2);
  CAF_CHECK_EQUAL(mine.asked.load(), 3u); // The one that killed it.
  stop(node.region);
  node.region = spawn_region(node, tight());
}

CAF_TEST(looking at an entity tells how it is and does not start it) {
  using state = entity_look::state;
  CAF_CHECK(look(block0).is == state::asleep);
  CAF_CHECK_EQUAL(node.probe.blocks_active.load(), 0);
  st.reads_held = true;
  auto x = wake();
  run();
  auto starting = look(block0);
  CAF_CHECK(starting.is == state::starting);
  CAF_CHECK_EQUAL(starting.waiting, 1u);
  deliver_reads();
  auto running = look(block0);
  CAF_CHECK(running.is == state::running);
  CAF_CHECK_EQUAL(running.waiting, 0u);
  CAF_CHECK(running.started_at == now() && running.epoch == node.epochs.of(block0).epoch);
  node.epochs.epochs[shard_of(block0)] = 0;
  CAF_CHECK(look(block0).is == state::elsewhere);
  suspend();
  CAF_CHECK(look(block0).suspended); // It is answered all the same.
}

CAF_TEST(messages wait while their entity is loading and keep their order) {
  st.reads_held = true;
  auto x = send<seat_block_actor>(block0,
                                  claim_items{{0xb, 1}, alice, {want(0, 1)}, now() + millis{3000}});
  run();
  auto y =
    send<seat_block_actor>(block0, claim_items{{0xb, 2}, bob, {want(0, 1)}, now() + millis{3000}});
  run();
  CAF_CHECK(!x->came() && !y->came());
  deliver_reads();
  CAF_CHECK(x->value.is == ec::ok);
  CAF_CHECK(y->value.is == ec::seat_contested);
}

CAF_TEST(beyond the bound the answer is busy at once) {
  st.reads_held = true;
  auto a = wake(), b = wake(), c = wake(), d = wake();
  run();
  auto refused = (a->error == ec::busy) + (b->error == ec::busy) + (c->error == ec::busy) +
                 (d->error == ec::busy);
  CAF_CHECK_EQUAL(refused, 1);
  deliver_reads();
  CAF_CHECK_EQUAL(a->count + b->count + c->count + d->count, 4);
  st.reads_held = true; // The room is free again.
  auto other = send<seat_block_actor>(key_of(event_no(1), 1), wake_block{});
  run();
  CAF_CHECK(!other->came());
  deliver_reads();
  CAF_CHECK(other->error == ec::ok);
}

CAF_TEST(when rows cannot be read nothing is started and everybody hears) {
  st.reads_down = true;
  auto x = wake(), y = wake();
  run();
  CAF_CHECK(x->error == ec::unavailable);
  CAF_CHECK(y->error == ec::unavailable);
  st.reads_down = false;
  auto z = wake();
  run();
  CAF_CHECK_EQUAL(z->value.seats, 10);
}

CAF_TEST(a block without seats is not started) {
  auto x = request<seat_block_actor>(key_of(event_no(1), 9), wake_block{});
  CAF_CHECK(x->error == ec::seat_unknown);
  CAF_CHECK_EQUAL(node.probe.blocks_active.load(), 0);
}

CAF_TEST(H30 what is late is dropped before it is worked on) {
  auto x = send<seat_block_actor>(block0, wake_block{}, millis{-1});
  run();
  CAF_CHECK_EQUAL(node.probe.blocks_active.load(), 0);
  st.reads_held = true;
  auto y = send<seat_block_actor>(
    block0, claim_items{{0xb, 1}, alice, {want(0, 1)}, now() + millis{60'000}}, millis{500});
  run();
  pass(millis{600});
  deliver_reads();
  auto z = request<seat_block_actor>(
    block0, claim_items{{0xb, 2}, bob, {want(0, 1)}, now() + millis{3000}});
  CAF_CHECK(z->value.is == ec::ok); // The late claim was never made.
  CAF_CHECK_EQUAL(y->count, 1);
}

// -- sleeping -------------------------------------------------------------------------------------

CAF_TEST(what is idle is put to sleep and wakes from its rows) {
  reserve(alice, {want(0, 1)});
  CAF_CHECK_EQUAL(node.probe.sessions_active.load(), 1);
  pass(millis{80'000}, millis{100});
  CAF_CHECK_EQUAL(node.probe.sessions_active.load(), 0);
  CAF_CHECK(reserve(alice, {want(0, 1)})->value.replayed);
}

CAF_TEST(a block that leads a hold does not sleep and one without does) {
  reserve(alice, {want(0, 1)});
  auto x = reserve(bob, {want(1, 1)});
  cancel(bob, x->value.id);
  node.sale.reservation_ttl_s = 300;
  pass(millis{290'000}, millis{500});
  CAF_CHECK_EQUAL(node.probe.blocks_active.load(), 2);
  pass(millis{700'000}, millis{500});
  CAF_CHECK_EQUAL(node.probe.blocks_active.load(), 0);
  CAF_CHECK_EQUAL(st.rows.ends, 2); // The hold ended before its block slept.
}

CAF_TEST(H13 no entity sleeps while something is open) {
  st.fates = {fate::held};
  auto x = reserve(alice, {want(0, 1)});
  auto y = request<session_actor>(key_of(alice), passivate{});
  CAF_CHECK(!y->value.stopped);
  auto z = request<seat_block_actor>(block0, passivate{});
  CAF_CHECK(!z->value.stopped);
  let_go();
  CAF_CHECK(x->value.is == ec::ok);
}

CAF_TEST(H13 a message during passivation is not lost) {
  reserve(alice, {want(0, 1)});
  pass(millis{59'990});
  st.clock.at += millis{10};
  sched.advance_time(millis{10});
  sched.run_once(); // The region asks the session to sleep.
  CAF_REQUIRE_EQUAL(sched.jobs.size(), 1u);
  auto session = sched.jobs.front();
  auto x = send<session_actor>(key_of(alice), wish({want(0, 1)}));
  sched.run_jobs_filtered([=](caf::resumable* job) { return job != session; });
  CAF_CHECK(!x->came());
  CAF_CHECK_EQUAL(node.probe.passivations.load(), 0u);
  run();
  CAF_CHECK_EQUAL(node.probe.passivations.load(), 1u);
  CAF_CHECK_EQUAL(x->count, 1);
  CAF_CHECK(x->error == ec::ok);
  CAF_CHECK(x->value.replayed);
  CAF_CHECK_EQUAL(node.probe.entity_restarts.load(), 0u);
}

CAF_TEST(H13 a message to an entity that refuses to sleep is not lost either) {
  node.sale.reservation_ttl_s = 700;
  reserve(alice, {want(0, 1)});
  pass(millis{599'990});
  st.clock.at += millis{10};
  sched.advance_time(millis{10});
  sched.run_once(); // The region asks the block, which leads a hold, and the event.
  auto asked_to_sleep = sched.jobs;
  CAF_REQUIRE_EQUAL(asked_to_sleep.size(), 2u);
  auto x = wake();
  sched.run_jobs_filtered([&](caf::resumable* job) {
    return std::ranges::find(asked_to_sleep, job) == asked_to_sleep.end();
  });
  CAF_CHECK(!x->came());
  run();
  CAF_CHECK_EQUAL(x->value.seats, 10);
  CAF_CHECK_EQUAL(node.probe.blocks_active.load(), 1);
}

// -- unexpected ends ------------------------------------------------------------------------------

CAF_TEST(H13 a block that dies with an op on the wire starts behind a barrier) {
  st.fates = {fate::held};
  auto x = reserve(alice, {want(0, 1)});
  crash(block0);
  CAF_CHECK(x->value.is != ec::ok);
  CAF_CHECK_EQUAL(node.probe.entity_restarts.load(), 1u);
  auto y = send<session_actor>(key_of(bob), wish({want(0, 1)}));
  run();
  CAF_CHECK(!y->came()); // Its start waits for the op.
  CAF_CHECK_EQUAL(st.barriers.size(), 1u);
  let_go(); // It commits now.
  CAF_CHECK_EQUAL(y->count, 1);
  CAF_CHECK(y->value.is == ec::seat_held);
  CAF_CHECK_EQUAL(status(seat_no(0, 1)), 'l');
  pass(millis{301'000}, millis{100});
  CAF_CHECK_EQUAL(status(seat_no(0, 1)), 'a');
}

CAF_TEST(a block that dies shows soon what its rows say although nobody asks) {
  auto claim = claim_items{{0xb, 1}, alice, {want(0, 1)}, now() + millis{3000}};
  CAF_REQUIRE(request<seat_block_actor>(block0, claim)->value.is == ec::ok);
  pass(millis{300}, millis{100});
  CAF_REQUIRE_EQUAL(shown(0, 1), 1); // Claimed, in memory only.
  st.reads_down = true;
  crash(block0);
  CAF_CHECK_EQUAL(node.probe.blocks_active.load(), 0);
  CAF_CHECK_EQUAL(shown(0, 1), 1);
  st.reads_down = false;
  pass(millis{16'000}, millis{100});
  CAF_CHECK_EQUAL(node.probe.blocks_active.load(), 1);
  CAF_CHECK_EQUAL(shown(0, 1), 0);
  reserve(bob, {want(0, 1)});
  crash(block0); // And at once when rows can be read.
  CAF_CHECK_EQUAL(node.probe.blocks_active.load(), 1);
  CAF_CHECK_EQUAL(shown(0, 1), 1);
}

CAF_TEST(R18 an entity that keeps dying is refused until its window has passed) {
  for (int i = 0; i < 3; ++i) {
    auto x = wake();
    run();
    CAF_REQUIRE(x->error == ec::ok);
    crash(block0);
  }
  auto x = wake();
  run();
  CAF_CHECK(x->error == ec::internal);
  CAF_CHECK(look(block0).is == entity_look::state::quarantined);
  CAF_CHECK_EQUAL(look(block0).failures, 3);
  pass(millis{61'000}, millis{500});
  CAF_CHECK_EQUAL(look(block0).failures, 0);
  auto y = wake();
  run();
  CAF_CHECK_EQUAL(y->value.seats, 10);
}

// -- suspending -----------------------------------------------------------------------------------

CAF_TEST(H12 a suspended node refuses and starts nothing afterwards) {
  auto x = reserve(alice, {want(0, 1)});
  auto started = node.probe.activations.load();
  suspend();
  auto y = reserve(bob, {want(0, 2)});
  CAF_CHECK(y->error == ec::unavailable);
  thaw(false);
  CAF_CHECK(reserve(alice, {want(0, 1)})->value.id == x->value.id);
  CAF_CHECK_EQUAL(node.probe.activations.load(), started);
}

CAF_TEST(H12 a changed epoch drops what was started in the old one and loads it again) {
  reserve(alice, {want(0, 1)});
  reserve(user_no(3), {want(1, 1)});
  CAF_CHECK_EQUAL(node.probe.blocks_active.load(), 2);
  CAF_REQUIRE(shard_of(block0) != shard_of(key_of(event_no(1), 1)));
  suspend();
  move_block();
  CAF_CHECK_EQUAL(node.probe.blocks_active.load(), 1);
  CAF_CHECK(reserve(bob, {want(0, 1)})->value.is == ec::seat_held);
  CAF_CHECK(reserve(bob, {want(0, 2)})->value.is == ec::ok);
  CAF_CHECK_EQUAL(node.probe.entity_restarts.load(), 0u);
}

CAF_TEST(H01 an owner of an older epoch is fenced) {
  reserve(alice, {want(0, 1)});
  st.rows.epochs[shard_of(block0)] = 2; // Taken over, and nobody told us.
  CAF_CHECK(reserve(bob, {want(0, 2)})->value.is == ec::fenced);
  CAF_CHECK_EQUAL(status(seat_no(0, 2)), 'a');
}

CAF_TEST(H01 what is for a shard of another node is refused and not started) {
  auto shard = shard_of(block0);
  node.epochs.epochs[shard] = 0;
  node.peers.epochs[shard] = 2;
  auto x = wake();
  run();
  CAF_CHECK(x->error == ec::unavailable);
  CAF_CHECK_EQUAL(node.probe.blocks_active.load(), 0);
}

CAF_TEST(rows that were asked for before a reload are not believed after it) {
  st.reads_held = true;
  auto x = wake(); // Loads in the old epoch.
  run();
  CAF_CHECK_EQUAL(st.held_reads.size(), 1u);
  auto old_rows = std::exchange(st.held_reads, {});
  st.rows.seats.at(seat_no(0, 1)).row.version = 5; // The new epoch's first change.
  move_block();
  CAF_CHECK(x->error == ec::unavailable);
  auto y = wake();
  run();
  auto new_rows = std::exchange(st.held_reads, {});
  CAF_REQUIRE_EQUAL(new_rows.size(), 1u);
  deliver(old_rows);
  CAF_CHECK(!y->came());
  deliver(new_rows);
  CAF_CHECK_EQUAL(y->count, 1);
  CAF_CHECK_EQUAL(node.probe.blocks_active.load(), 1);
  st.reads_held = false;
  CAF_CHECK(reserve(alice, {want(0, 1)})->value.items.at(0).version == 6);
  CAF_CHECK_EQUAL(count_ops<create_reservation>(), 1);
}

CAF_TEST(parked messages are refused by a reload and answered once) {
  st.reads_held = true;
  auto x = wake(), y = wake();
  run();
  move_block();
  CAF_CHECK_EQUAL(x->count + y->count, 2);
  CAF_CHECK(x->error == ec::unavailable);
  deliver_reads();
  CAF_CHECK_EQUAL(x->count + y->count, 2);
  CAF_CHECK_EQUAL(node.probe.blocks_active.load(), 0);
}

CAF_TEST_FIXTURE_SCOPE_END()

// -- the promise guard ----------------------------------------------------------------------------

namespace {

using asked_actor = caf::typed_actor<caf::replies_to<release_reply>::with<release_reply>>;

struct guard_state {
  std::vector<reply_ptr<release_reply>> kept;
};

/// Says what `how` of the guard: ok = answers twice, busy = fails, late = forgets it.
asked_actor::behavior_type guarded(asked_actor::stateful_pointer<guard_state> self, int) {
  return {[=](const release_reply& how) -> caf::result<release_reply> {
    auto reply = promise_reply<release_reply>(self);
    auto rp = reply->rp;
    if (how.is == ec::late) {
      self->state.kept.push_back(std::move(reply));
      self->state.kept.clear();
    } else if (how.is == ec::busy) {
      reply->fail(ec::busy);
    } else {
      reply->deliver({ec::ok});
      reply->deliver({ec::internal});
    }
    return rp;
  }};
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(guard_tests, node_rig)

CAF_TEST(R11 a promise is answered exactly once) {
  auto callee = sys.spawn(guarded, 0);
  for (auto [how, is, error] : {std::tuple{ec::ok, ec::ok, ec::ok},
                                {ec::busy, ec::ok, ec::busy},
                                {ec::late, ec::ok, ec::unknown}}) {
    auto out = std::make_shared<answer<release_reply>>();
    auto unexpected = std::make_shared<int>(0);
    auto client = [=](caf::event_based_actor* self, int) {
      self->set_default_handler([=](caf::scheduled_actor*, caf::message_view&) {
        ++*unexpected;
        return caf::sec::unexpected_message;
      });
      self->request(callee, std::chrono::seconds(1), release_reply{how})
        .then(
          [=](const release_reply& x) {
            ++out->count;
            out->value = x;
          },
          [=](caf::error& e) {
            ++out->count;
            out->error = to_ec(e);
          });
    };
    auto x = sys.spawn(client, 0);
    run();
    CAF_CHECK_EQUAL(out->count, 1);
    CAF_CHECK(out->value.is == is);
    CAF_CHECK(out->error == error);
    CAF_CHECK_EQUAL(*unexpected, 0);
    stop(x);
  }
  stop(caf::actor_cast<caf::actor>(callee));
}

CAF_TEST(an error that is not ours means unknown) {
  CAF_CHECK(to_ec(make_error(ec::busy)) == ec::busy);
  CAF_CHECK(to_ec(caf::error{caf::sec::request_timeout}) == ec::unknown);
  CAF_CHECK(to_ec(caf::error{caf::sec::request_receiver_down}) == ec::unknown);
}

CAF_TEST_FIXTURE_SCOPE_END()
