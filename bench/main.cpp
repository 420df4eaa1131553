// tiketi-bench: what the server does per second, always beside a reference of the same run.
#include <CLI/CLI.hpp>
#include <array>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <exception>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include "bench/bench.hpp"

#ifndef TIKETI_SOURCE_DIR
#error "TIKETI_SOURCE_DIR must name the repository"
#endif

namespace {

using namespace tk::bench;

struct settings {
  std::string json, node, constant;
  double seconds = 3;
  bool record = false;
};

// The bench runs inside tests/support/with-postgres, which gives it a cluster of its own, durable
// like the product's.
[[noreturn]] void restart_with_postgres(char** argv) {
  setenv("WITH_POSTGRES_FSYNC", "on", 1);
  auto script = std::string(TIKETI_SOURCE_DIR "/tests/support/with-postgres");
  auto self = std::filesystem::read_symlink("/proc/self/exe").string();
  auto args = std::vector<char*>{script.data(), self.data()};
  for (auto i = argv + 1; *i; ++i) args.push_back(*i);
  args.push_back(nullptr);
  execv(script.c_str(), args.data());
  std::perror("tiketi-bench: cannot start tests/support/with-postgres");
  std::_Exit(69);
}

std::string today() {
  auto now = std::time(nullptr);
  auto parts = std::tm{};
  gmtime_r(&now, &parts);
  auto out = std::string(16, '\0');
  out.resize(std::strftime(out.data(), out.size(), "%Y-%m-%d", &parts));
  return out;
}

void record(const report& x, const std::string& machine) {
  auto out = std::ofstream(TIKETI_SOURCE_DIR "/bench/RESULTS.md", std::ios::app);
  out << "\n## " << today() << "\n\n"
      << machine << "; PostgreSQL 15 with fsync and "
      << "synchronous_commit on, server, database and load generator on one machine.\n\n```\n"
      << x.text() << "```\n";
}

int run_benches(const CLI::App& app, const settings& how) {
  auto env = [](const char* name) {
    return std::string(std::getenv(name) ? std::getenv(name) : "");
  };
  auto out = report();
  auto machine = describe_machine();
  std::printf("%s\n", machine.c_str());
  auto x = shop(env("TIKETI_TEST_PG"), env("TIKETI_TEST_PG_DATA"), how.node, how.constant);
  auto all = app.got_subcommand("all");
  auto wanted = options{how.seconds};
  using bench_function = void (*)(shop&, report&, const options&);
  const auto benches =
    std::array<std::pair<const char*, bench_function>, 12>{{{"reserve", bench_reserve},
                                                            {"contended", bench_contended},
                                                            {"read", bench_read},
                                                            {"catalogue", bench_catalogue},
                                                            {"login", bench_login},
                                                            {"buy", bench_buy},
                                                            {"streams", bench_streams},
                                                            {"memory", bench_memory},
                                                            {"queue", bench_queue},
                                                            {"cluster", bench_cluster},
                                                            {"relay", bench_relay},
                                                            {"sim", bench_sim}}};
  for (auto& [name, bench] : benches)
    if (all || app.got_subcommand(name)) bench(x, out, wanted);
  if (!how.json.empty()) std::ofstream(how.json) << out.json();
  if (how.record) record(out, machine);
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  auto how = settings();
  auto here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  how.constant = here / "constant-server";
  how.node = TIKETI_NODE_PROGRAM;
  auto app = CLI::App("Measures a node of its own with a PostgreSQL of its own. A goal that is "
                      "missed is printed and does not fail the run.");
  app.name("tiketi-bench");
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--seconds", how.seconds, "length of each run")->capture_default_str();
  app.add_option("--json", how.json, "write the figures to this file");
  app.add_option("--node", how.node, "the tiketi-node to measure")->capture_default_str();
  app.add_flag("--record", how.record, "append the figures to bench/RESULTS.md");
  app.add_subcommand("reserve", "durable reservations, each by a user not seen before");
  app.add_subcommand("contended", "everybody wants the same 100 seats");
  app.add_subcommand("read", "events list, event detail, seat map");
  app.add_subcommand("catalogue", "lists and searches over 10,000 events, no two alike");
  app.add_subcommand("login", "reservations while log-ins keep every hashing thread busy");
  app.add_subcommand("buy", "whole purchases: reserve, prepare, confirm");
  app.add_subcommand("streams", "2,000 open streams with an update a second each");
  app.add_subcommand("memory", "resident bytes per seat, session and reservation; time to ready");
  app.add_subcommand("queue", "a waiting room with a million people");
  app.add_subcommand("cluster", "three nodes: links, takeovers, and what a cluster costs");
  app.add_subcommand("relay", "domain events to a real Kafka: a backlog of a million, and delays");
  app.add_subcommand("sim", "the simulation: how much faster than life, and its memory");
  app.add_subcommand("all", "all of them");
  CLI11_PARSE(app, argc, argv);
  if (!std::getenv("TIKETI_TEST_PG")) restart_with_postgres(argv);
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return run_benches(app, how);
  } catch (std::exception& e) {
    std::fprintf(stderr, "tiketi-bench: %s\n", e.what());
    return 1;
  }
}
