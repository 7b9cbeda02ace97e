// Package grid runs the cells of an experiment with many seeds on all cores, and keeps the results
// in a folder. What a run yields depends on the plan only, never on the number of cores, the order
// in which runs end, or interruptions: [Open] continues what an interrupted process left.
//
// A [Choice] selects cells of the experiment's sections, a [Plan] is these cells with seeds, a
// [Journal] has the results of each finished run, and [Plan.Run] does the work. It is not the
// experiment itself, which is package experiment, nor its statistics.
package grid
