#include "gateways/password/pool.hpp"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "supervisors/reply_once.hpp"

namespace tk {

namespace {

/// Longer than any hash at a sane cost. A worker that needs more is given up for that request.
constexpr auto work_timeout = std::chrono::seconds(60);
constexpr int worker_niceness = 10;

// -- worker -------------------------------------------------------------------------------------

struct worker_state {
  static inline const char* name = "tiketi.password-worker";
  bool nice = false;
};
using worker_ptr = password_actor::stateful_pointer<worker_state>;

/// Linux gives each thread a niceness of its own. Without the right to set it nothing is lost.
void lower_priority(worker_ptr self) {
  if (!self->state.nice)
    setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), worker_niceness);
  self->state.nice = true;
}

password_actor::behavior_type worker(worker_ptr self, const password_hasher* hasher) {
  return {
    [=](const hash_password& x) -> hashed_password {
      lower_priority(self);
      auto made = hasher->hash(x.password);
      return made ? hashed_password{ec::ok, *made} : hashed_password{made.error(), {}};
    },
    [=](const verify_password& x) -> password_verified {
      lower_priority(self);
      auto found = hasher->verify(x.password, x.stored);
      return {ec::ok, found.matches, found.needs_rehash};
    },
  };
}

// -- front --------------------------------------------------------------------------------------

using time_point = caf::actor_clock::time_point;

/// A request with the promise to answer it.
struct work {
  time_point until; ///< When its asker goes.
  std::function<void(const password_actor& worker)> begin;
  std::function<void()> refuse;
};

struct front_state {
  static inline const char* name = "tiketi.passwords";
  size_t waiting_max = 0;
  std::vector<password_actor> idle;
  std::deque<work> waiting;
  hashing_pace pace;
};
using front_ptr = password_actor::stateful_pointer<front_state>;

bool in_time(front_ptr self, const work& x) {
  auto left = std::chrono::duration_cast<millis>(x.until - self->clock().now());
  return self->state.pace.in_time(left);
}

/// Refuses those at the head of the queue whose turn comes too late.
void refuse_late(front_ptr self) {
  auto& waiting = self->state.waiting;
  while (!waiting.empty() && !in_time(self, waiting.front())) {
    waiting.front().refuse();
    waiting.pop_front();
  }
}

void release(front_ptr self, const password_actor& worker) {
  auto& st = self->state;
  refuse_late(self);
  if (st.waiting.empty()) {
    st.idle.push_back(worker);
    return;
  }
  auto next = std::move(st.waiting.front());
  st.waiting.pop_front();
  next.begin(worker);
}

template <class Reply> Reply refusal() {
  Reply out;
  out.error = ec::busy;
  return out;
}

template <class Reply, class Request>
work make_work(front_ptr self, const Request& x, const reply_ptr<Reply>& reply) {
  work out;
  out.until = self->clock().now() + x.patience;
  out.refuse = [reply] { reply->deliver(refusal<Reply>()); };
  out.begin = [=](const password_actor& worker) {
    auto since = self->clock().now();
    auto ended = [=] {
      self->state.pace.took(std::chrono::duration_cast<millis>(self->clock().now() - since));
      release(self, worker);
    };
    self->request(worker, work_timeout, x)
      .then(
        [=](const Reply& made) {
          reply->deliver(made);
          ended();
        },
        [=](caf::error&) {
          reply->fail(ec::internal);
          ended();
        });
  };
  return out;
}

template <class Reply, class Request> caf::result<Reply> admit(front_ptr self, const Request& x) {
  auto& st = self->state;
  if (x.patience <= millis{0}) return refusal<Reply>();
  if (st.idle.empty() && st.waiting.size() >= st.waiting_max) refuse_late(self);
  if (st.idle.empty() && st.waiting.size() >= st.waiting_max) return refusal<Reply>();
  auto reply = promise_reply<Reply>(self);
  auto wanted = make_work<Reply>(self, x, reply);
  if (st.idle.empty()) {
    st.waiting.push_back(std::move(wanted));
  } else {
    auto worker = std::move(st.idle.back());
    st.idle.pop_back();
    wanted.begin(worker);
  }
  return reply->rp;
}

password_actor::behavior_type front(front_ptr self, size_t waiting_max,
                                    const std::vector<password_actor>& workers) {
  self->state.waiting_max = waiting_max;
  self->state.idle = workers;
  self->attach_functor([workers] {
    for (const auto& x : workers) caf::anon_send_exit(x, caf::exit_reason::user_shutdown);
  });
  return {
    [=](const hash_password& x) { return admit<hashed_password>(self, x); },
    [=](const verify_password& x) { return admit<password_verified>(self, x); },
  };
}

} // namespace

void hashing_pace::took(millis spent) {
  // However slow one was: who comes new is given a try, else nothing would ever be measured again.
  constexpr millis longest{2000};
  constexpr int weight = 8;
  auto now = std::min(spent, longest);
  typical_ = now > typical_ ? now : typical_ - (typical_ - now) / weight;
}

size_t password_workers_for(size_t cores) { return std::max<size_t>(1, cores / 2); }

password_actor spawn_password_front(caf::actor_system& system, size_t waiting_max,
                                    std::vector<password_actor> workers) {
  return system.spawn(front, waiting_max, std::move(workers));
}

password_actor spawn_password_pool(caf::actor_system& system, password_pool_config config,
                                   const password_hasher& hasher) {
  std::vector<password_actor> workers;
  for (size_t i = 0; i < std::max<size_t>(1, config.workers); ++i)
    workers.push_back(system.spawn<caf::detached>(worker, &hasher));
  return spawn_password_front(system, config.waiting_max, std::move(workers));
}

} // namespace tk
