// ledger_driver: what one lane decides per second, by size of the batch. Run it by
// `WITH_POSTGRES_FSYNC=on tests/support/with-postgres`, so that a COMMIT costs what it costs.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>
#include <unistd.h>

#include "persistence/ledger/driver_pg.hpp"
#include "tests/integration/hall.hpp"

using namespace tk;
using namespace tk::test;

namespace {

struct figures {
  double per_s = 0, ms_per_batch = 0, wal_bytes_per_op = 0, backend_us_per_op = 0;
};

/// Processor time of a process since its start: it tells costs apart where a clock on the wall
/// tells what else the machine does.
double cpu_us(int pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string word;
  double ticks = 0;
  for (int field = 1; in >> word && field <= 15; ++field) // 14 user, 15 system; no blank in names.
    if (field >= 14) ticks += std::stod(word);
  return ticks * 1e6 / static_cast<double>(sysconf(_SC_CLK_TCK));
}

figures run(size_t batch_size, size_t ops) {
  hall h{static_cast<int>(ops)};
  ledger_driver_pg driver{plain_driver(h.home)};
  driver.execute({});
  auto wal = [&] { return number(h.db, "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint"); };
  std::vector<batch> batches;
  for (size_t at = 0; at < ops;) {
    batch b;
    for (size_t i = 0; i < batch_size && at < ops; ++i) b.ops.push_back(h.reserve(at++));
    batches.push_back(std::move(b));
  }
  auto wal_before = wal();
  auto cpu_before = cpu_us(driver.backend_pid());
  auto start = std::chrono::steady_clock::now();
  size_t good = 0;
  for (auto& b : batches) {
    for (auto& x : driver.execute(b).verdicts) good += x.is == outcome::ok ? 1 : 0;
  }
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  if (good != ops) {
    std::fprintf(stderr, "only %zu of %zu ops were ok\n", good, ops);
    return {};
  }
  auto n = static_cast<double>(ops);
  return {n / took.count(), took.count() * 1000 / static_cast<double>(batches.size()),
          static_cast<double>(wal() - wal_before) / n,
          (cpu_us(driver.backend_pid()) - cpu_before) / n};
}

} // namespace

int main() {
  std::printf("%10s %14s %14s %14s %14s\n", "batch", "ops/s", "ms/batch", "WAL bytes/op",
              "backend us/op");
  for (auto [size, ops] :
       {std::pair<size_t, size_t>{1, 2000}, {20, 20'000}, {100, 40'000}, {200, 40'000}}) {
    auto x = run(size, ops);
    std::printf("%10zu %14.0f %14.2f %14.0f %14.1f\n", size, x.per_s, x.ms_per_batch,
                x.wal_bytes_per_op, x.backend_us_per_op);
    std::fflush(stdout);
  }
}
