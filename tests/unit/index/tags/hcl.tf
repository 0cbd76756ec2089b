# Where the shop runs.
terraform {
  required_version = ">= 1.0"
  backend "s3" {
    bucket = "state"
  }
}

variable "region" {
  type    = string
  default = "eu"
}

locals {
  name = "shop"
  tags = { team = "x" }
}

// A machine.
resource "aws_instance" "web" {
  ami = "abc"
  tags = {
    Name = local.name
  }
  lifecycle {
    ignore_changes = [ami]
  }
}

module "network" {
  source = "./modules/network"
}

output "address" {
  value = aws_instance.web.public_ip
}

region = "eu-west-1"
