module example.com/worker

go 1.25

require example.com/api v0.0.0

replace example.com/api => ../api
