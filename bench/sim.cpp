#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "bench/bench.hpp"

namespace tk::bench {

namespace {

/// What a run of the simulation took.
struct simulated {
  double seeds = 0, played_s = 0, wall_s = 0, cpu_s = 0, most_mib = 0;
};

double seconds(timeval x) {
  return static_cast<double>(x.tv_sec) + static_cast<double>(x.tv_usec) / 1e6;
}

std::string read_all(int from) {
  std::string out;
  std::array<char, 4096> buffer{};
  for (ssize_t n = 0; (n = read(from, buffer.data(), buffer.size())) > 0;)
    out.append(buffer.data(), static_cast<size_t>(n));
  return out;
}

/// Runs tiketi-sim and reads the figures it prints.
simulated simulate(std::vector<std::string> words) {
  words.insert(words.begin(), {TIKETI_SIM_PROGRAM, "run", "--figures"});
  auto args = std::vector<char*>{};
  args.reserve(words.size() + 1);
  for (auto& x : words) args.push_back(x.data());
  args.push_back(nullptr);
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("no pipe");
  auto began = std::chrono::steady_clock::now();
  auto child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    execv(args[0], args.data());
    std::_Exit(127);
  }
  close(ends[1]);
  auto said = read_all(ends[0]);
  close(ends[0]);
  int status = 0;
  rusage used{};
  wait4(child, &status, 0, &used);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw std::runtime_error("tiketi-sim failed: " + said);
  auto figures = nlohmann::json::parse(said);
  simulated out;
  out.seeds = figures.at("seeds").get<double>();
  out.played_s = figures.at("played_s").get<double>();
  out.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  out.cpu_s = seconds(used.ru_utime) + seconds(used.ru_stime);
  out.most_mib = static_cast<double>(used.ru_maxrss) / 1024;
  return out;
}

} // namespace

void bench_sim(shop&, report& out, const options&) {
  out.section("sim");
  auto one = simulate({"--sale", "storm", "--seeds", "400", "--once", "--jobs", "1"});
  // One thread: what a second of a processor plays, however busy the machine is.
  auto speed = one.played_s / one.cpu_s;
  out.add(figure{"storm, one core", speed, "x real time",
                 std::to_string(static_cast<int>(one.seeds)) + " seeds, each once"});
  out.add(goal{"times real time, storm on one core", speed, 1000});
  auto batch = simulate({"--sale", "storm", "--seeds", "2000", "--jobs", "2"});
  out.add(figure{"2,000 seeds, each twice, two processes", batch.wall_s, "s",
                 std::to_string(static_cast<int>(batch.cpu_s)) + " s of processors"});
  out.add(goal{"seeds in two minutes, each twice, two processes", 120 * batch.seeds / batch.wall_s,
               2000});
  auto again = simulate({"--sale", "storm", "--seeds", "40", "--once", "--jobs", "1"});
  out.add(figure{"resident after 40 seeds", again.most_mib, "MiB", ""});
  out.add(figure{"resident after 1,000 seeds, each twice", batch.most_mib, "MiB", ""});
  out.add(goal{"memory after a long run / after a short one", batch.most_mib / again.most_mib, 1.25,
               false});
}

} // namespace tk::bench
