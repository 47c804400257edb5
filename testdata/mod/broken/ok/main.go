// Command ok compiles.
package main

func main() {}
