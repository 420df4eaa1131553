#pragma once

#include "tests/simulation/workload.hpp"

/// How each piece is made; `workload_kinds` says what it does.
namespace tk::sim {

workload_ptr make_arrivals(const scene& in);
workload_ptr make_bots(const scene& in);
workload_ptr make_callbacks(const scene& in);
workload_ptr make_latecomers(const scene& in);
workload_ptr make_onlookers(const scene& in);
workload_ptr make_opening_night(const scene& in);
workload_ptr make_other_bodies(const scene& in);
workload_ptr make_paying(const scene& in);
workload_ptr make_recalls(const scene& in);
workload_ptr make_second_thoughts(const scene& in);
workload_ptr make_sign_outs(const scene& in);
workload_ptr make_wrong_amounts(const scene& in);

} // namespace tk::sim
