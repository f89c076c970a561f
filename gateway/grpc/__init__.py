"""The Open Inference Protocol over gRPC. `inference_pb2*` are generated from `inference.proto` by `make proto`."""
