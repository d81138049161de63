fraction = 不是整数；如果是千位分隔，请写 { $thousands }。
two = 可能是 { $thousands } 或 { $fraction }；请写明其中一个。
no-whole-number = 应为整数，例如 8。
no-number = 应为数字，例如 0.5。
