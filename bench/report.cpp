#include <cstdio>
#include <nlohmann/json.hpp>

#include "bench/bench.hpp"

namespace tk::bench {

namespace {

template <class... Ts> std::string format(const char* pattern, Ts... xs) {
  auto size = std::snprintf(nullptr, 0, pattern, xs...);
  auto out = std::string(static_cast<size_t>(size) + 1, '\0');
  std::snprintf(out.data(), out.size(), pattern, xs...);
  out.pop_back();
  return out;
}

} // namespace

void report::print(const std::string& line) {
  std::fputs((line + "\n").c_str(), stdout);
  std::fflush(stdout);
  text_ += line + "\n";
}

void report::section(const std::string& title) {
  section_ = title;
  print("\n" + title);
}

void report::add(figure x) {
  print(format("  %-44s %12.1f %-8s %s", x.name.c_str(), x.value, x.unit.c_str(), x.note.c_str()));
  figures_.emplace_back(section_, std::move(x));
}

void report::add(goal x) {
  print(format("  goal %-60s %9.2f (%s %.2f): %s", x.text.c_str(), x.value,
               x.at_least ? "at least" : "at most", x.wanted, x.met() ? "met" : "missed"));
  goals_.emplace_back(section_, std::move(x));
}

void report::add(const std::string& name, const load_result& x, int status, double node_cpu_s,
                 double postgres_cpu_s) {
  auto others = std::string();
  for (auto& [code, n] : x.by_status)
    if (code != status) others += format(", %d: %llu", code, static_cast<unsigned long long>(n));
  if (x.broken > 0) others += format(", broken: %llu", static_cast<unsigned long long>(x.broken));
  auto share = [&](double s) { return x.seconds > 0 ? 100 * s / x.seconds : 0.0; };
  add(figure{name, x.per_second(status), "/s",
             format("p50 %.2f ms, p99 %.2f ms; cores: node %.0f %%, postgres %.0f %%, "
                    "generator %.0f %%%s",
                    x.latency.percentile_ms(0.5), x.latency.percentile_ms(0.99), share(node_cpu_s),
                    share(postgres_cpu_s), share(x.cpu_s), others.c_str())});
}

std::string report::json() const {
  auto out =
    nlohmann::json{{"figures", nlohmann::json::array()}, {"goals", nlohmann::json::array()}};
  for (auto& [section, x] : figures_)
    out["figures"].push_back({{"bench", section},
                              {"name", x.name},
                              {"value", x.value},
                              {"unit", x.unit},
                              {"note", x.note}});
  for (auto& [section, x] : goals_)
    out["goals"].push_back({{"bench", section},
                            {"goal", x.text},
                            {"value", x.value},
                            {"wanted", x.wanted},
                            {"atLeast", x.at_least},
                            {"met", x.met()}});
  return out.dump(2) + "\n";
}

measured measure(shop& x, const load_options& how, const request_source& next) {
  auto node = cpu_seconds(x.node_pid(), false);
  auto postgres = cpu_seconds(x.postgres_pid(), true);
  auto out = measured{run_load(how, next), 0, 0};
  out.node_cpu_s = cpu_seconds(x.node_pid(), false) - node;
  out.postgres_cpu_s = cpu_seconds(x.postgres_pid(), true) - postgres;
  return out;
}

double constant_rate(shop& x, report& out, const std::string& request, size_t answer_bytes,
                     size_t connections, const options& how) {
  auto server = x.start_constant(answer_bytes);
  auto load = load_options{server.port, connections, {}};
  load.duration = std::chrono::milliseconds(static_cast<int64_t>(how.seconds * 1000));
  auto cpu = cpu_seconds(server.process->pid(), false);
  auto result = run_load(load, [&](size_t, std::string& to) {
    to = request;
    return true;
  });
  cpu = cpu_seconds(server.process->pid(), false) - cpu;
  auto rate = result.per_second(200);
  auto name = "constant " + std::to_string(answer_bytes) + " B, " + std::to_string(connections) +
              " connections";
  out.add(name, result, 200, cpu, 0);
  return rate;
}

} // namespace tk::bench
