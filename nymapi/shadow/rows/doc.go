// Package rows reads the measurements in the SQLite database of a Nym-API of Nym's mixnet (not of
// the simulated ones here). It never writes to the file, and a running Nym-API may use it
// meanwhile.
//
// It knows three kinds of measurements. [Liveness] and [Stress] are those of monitor v3, in which
// several orchestrators submit: the tables nym_node_liveness_result and
// nym_node_stress_testing_result. [V1] is monitor v1, with one monitor: mixnode_status and
// gateway_status. Tables and columns are checked before the first row is read.
//
// Rows are not trusted: those without a usable value are counted by reason and left out.
package rows
