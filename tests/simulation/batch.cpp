#include "tests/simulation/batch.hpp"

#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <utility>

#include "tests/simulation/farm.hpp"
#include "tests/simulation/printing.hpp"
#include "tests/simulation/recorder.hpp"
#include "tests/simulation/shrink.hpp"

namespace tk::sim {

namespace {

using nlohmann::json;

/// More failures would not say more.
constexpr size_t failures_shown = 3;

/// Plays a seed twice: the same digest, or the simulation itself is wrong.
run_result play(uint64_t seed, const sale_plan& plan, const options& how) {
  auto x = run_seed(seed, plan, how.play);
  if (how.once || !x.wrong.empty()) return x;
  auto again = run_seed(seed, plan, how.play);
  if (again.digest != x.digest || again.steps != x.steps)
    x.wrong = "determinism: the second run of this seed was another one";
  return x;
}

/// Of seeds that nobody has played before.
uint64_t fresh_seed() {
  auto now = std::chrono::system_clock::now().time_since_epoch();
  auto ms = std::chrono::duration_cast<millis>(now).count();
  return static_cast<uint64_t>(ms) % 1'000'000'000 + 1'000'000;
}

/// The story of a run that has not lived to tell it.
void tell_from_spool(run_result& x, uint64_t seed, const sale_plan& plan, const play_options& how) {
  constexpr size_t events_shown = 60;
  auto said = recorder::from_spool(how.spool);
  x.faults = faults_of_run(seed, plan, how);
  x.story = said.diagram(events_shown);
  x.script = said.script();
  if (!how.record.empty()) said.write(how.record, plan.name + ", seed " + std::to_string(seed));
}

/// Plays a seed in a process of its own and tells its story, however it ends.
run_result told(uint64_t seed, const sale_plan& plan, const options& how, play_options play_how) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> spool{std::tmpfile(), std::fclose};
  if (!spool) throw std::runtime_error("cannot keep the story: no temporary file");
  auto telling = how;
  telling.play = std::move(play_how);
  telling.play.tell = true;
  telling.play.spool = spool.get();
  auto work = [&] { return to_json(play(seed, plan, telling)); };
  auto x = from_json(apart(work, std::chrono::seconds{how.patience_s}));
  if (!x.ended) tell_from_spool(x, seed, plan, telling.play);
  return x;
}

/// Made smaller, and with its story; what hangs is left as it is.
shrunk explained(uint64_t seed, const sale_plan& plan, const options& how, run_result x) {
  if (!x.ended) x.faults = faults_of_run(seed, plan, how.play);
  auto less = how.shrink && !x.hung ? shrink(seed, plan, how, x) : shrunk{how.play, x};
  auto once = how;
  once.once = true;
  auto again = told(seed, plan, once, less.left);
  if (!again.wrong.empty()) less.result = again;
  return less;
}

} // namespace

json to_json(const run_result& x) {
  json out{{"wrong", x.wrong},
           {"digest", x.digest},
           {"steps", x.steps},
           {"commits", x.commits},
           {"visits", x.visits},
           {"kills", x.kills},
           {"pauses", x.pauses},
           {"takeovers", x.takeovers},
           {"gifts", x.gifts},
           {"dropped", x.dropped},
           {"lost", x.lost},
           {"faults", x.faults},
           {"answers", x.answers},
           {"happened", x.happened},
           {"struck", x.struck},
           {"played_ms", x.played.count()},
           {"covered", x.covered},
           {"overlaps", x.overlaps},
           {"longest_ms", x.longest_overlap.count()},
           {"story", x.story},
           {"script", x.script}};
  return out;
}

run_result from_json(const json& x) {
  run_result out;
  if (x.contains("died")) {
    out.wrong = "crash: " + x["died"].get<std::string>();
    out.ended = false;
    return out;
  }
  if (x.contains("hung")) {
    out.wrong = "hang: it did not end within " + x["hung"].get<std::string>();
    out.hung = true;
    out.ended = false;
    return out;
  }
  x.at("wrong").get_to(out.wrong);
  x.at("digest").get_to(out.digest);
  x.at("steps").get_to(out.steps);
  x.at("commits").get_to(out.commits);
  x.at("visits").get_to(out.visits);
  x.at("kills").get_to(out.kills);
  x.at("pauses").get_to(out.pauses);
  x.at("takeovers").get_to(out.takeovers);
  x.at("gifts").get_to(out.gifts);
  x.at("dropped").get_to(out.dropped);
  x.at("lost").get_to(out.lost);
  x.at("faults").get_to(out.faults);
  x.at("answers").get_to(out.answers);
  x.at("happened").get_to(out.happened);
  x.at("struck").get_to(out.struck);
  out.played = millis{x.at("played_ms").get<int64_t>()};
  x.at("overlaps").get_to(out.overlaps);
  out.longest_overlap = millis{x.at("longest_ms").get<int64_t>()};
  x.at("covered").get_to(out.covered);
  x.at("story").get_to(out.story);
  x.at("script").get_to(out.script);
  return out;
}

run_result run_apart(uint64_t seed, const sale_plan& plan, const play_options& how) {
  constexpr std::chrono::seconds patience{60};
  auto x = from_json(apart([&] { return to_json(run_seed(seed, plan, how)); }, patience));
  if (!x.ended) x.faults = faults_of_run(seed, plan, how);
  return x;
}

int play_batch(const options& asked) {
  auto how = asked;
  if (how.fresh) how.first = fresh_seed();
  auto plan = load_sale(how.sale);
  check_play(how.play, plan);
  progress bar{how};
  totals all;
  std::map<uint64_t, run_result> failed;
  farm work;
  work.jobs = how.jobs;
  work.first = how.first;
  work.count = how.seeds;
  work.patience = std::chrono::seconds{how.patience_s};
  work.work = [&](uint64_t seed) { return to_json(play(seed, plan, how)); };
  work.take = [&](uint64_t seed, const json& said) {
    auto x = from_json(said);
    all.add(seed, x);
    if (!x.wrong.empty()) failed.emplace(seed, x);
    bar.show(all.seeds, failed.size());
    return failed.size() < failures_shown;
  };
  work.run();
  bar.end();
  print(all, how);
  bool covered = !how.demand_coverage || print_missing(all, plan);
  bool played = print_unplayed(all, how, failed.size());
  for (auto& [seed, x] : failed) print_failure(seed, how, explained(seed, plan, how, x));
  bool held = failed.empty() && covered && played;
  if (how.quiet()) return held ? 0 : 1;
  std::printf("%" PRIu64 " passed, %zu failed\n", all.seeds - failed.size(), failed.size());
  return held ? 0 : 1;
}

int replay_one(const options& how) {
  auto plan = load_sale(how.sale);
  check_play(how.play, plan);
  auto x = told(how.seed, plan, how, how.play);
  print_replay(how.seed, how, x);
  return x.wrong.empty() ? 0 : 1;
}

} // namespace tk::sim
