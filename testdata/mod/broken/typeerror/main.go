// Command typeerror loads, but doesn't compile.
package main

func main() {
	var n int = "one"
	println(n)
}
